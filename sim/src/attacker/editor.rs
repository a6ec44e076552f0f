//! The attacker who edits single lines in clear, each by its place in what an end sends. All else passes as it is.

use postern_model::scenario::{Alteration, Attack, Edit, Toward};

use super::{Answer, BETWEEN_PIECES, Interception, speech};
use crate::tap::Tap;

/// What passes to one end, line by line, with the edits that are still to come.
struct Editing {
    edits: Vec<Edit>,
    /// How many lines have begun.
    begun: u16,
    /// The next octet begins a line.
    is_between_lines: bool,
    /// The line is taken away.
    is_dropped: bool,
    last_octet: u8,
}

/// What goes on to an end, and the edits that made it so.
#[derive(Debug, Default)]
struct Edited {
    pieces: Vec<Piece>,
    done: Vec<Edit>,
}

#[derive(Debug)]
enum Piece {
    Segment(Vec<u8>),
    /// A moment passes.
    Pause,
}

impl Interception {
    /// Passes everything on with these edits, and unread from the client's handshake on.
    pub(super) async fn edit(mut self, edits: &[Edit]) {
        let mut to_client = Editing::new(Toward::Client, edits);
        let mut to_server = Editing::new(Toward::Server, edits);
        let starts = [to_client.start(), to_server.start()];
        let (mut octets, mut others) = (vec![0; 4096], vec![0; 4096]);
        for (toward, edited) in [Toward::Client, Toward::Server].into_iter().zip(starts) {
            if !self.says(toward, edited).await {
                return self.hang_up().await;
            }
        }
        loop {
            let (toward, edited) = tokio::select! {
                biased;
                count = self.client.read(&mut octets) => {
                    let octets = &octets[..count];
                    if speech::is_tls(octets) {
                        return self.handshake_begins(octets.to_vec()).await;
                    }
                    self.tap.received(octets, self.client.channel());
                    (Toward::Server, to_server.pass(octets))
                },
                count = self.server.read(&mut others) => (Toward::Client, to_client.pass(&others[..count])),
            };
            let is_over = edited.is_none();
            if is_over || !self.says(toward, edited.unwrap_or_default()).await {
                return self.hang_up().await;
            }
        }
    }

    /// The client's handshake begins with these octets.
    async fn handshake_begins(mut self, octets: Vec<u8>) {
        if !self.tap.has_go_ahead() {
            self.tap.received(&octets, self.client.channel());
            return self.listen(Answer::Nothing).await;
        }
        if self.does(Attack::GarbageAfterGoAhead) {
            self.interferes(Attack::GarbageAfterGoAhead, "answers the handshake with garbage");
            self.client.send(speech::GARBAGE).await;
            return self.listen(Answer::Nothing).await;
        }
        // The server has read all in clear by then, and what it answers is not taken for a part of the handshake.
        self.door.sleep(BETWEEN_PIECES).await;
        let relaying = self.relaying.connection();
        match Tap::is_asked_to_shake_hands(&self.world.recorder, relaying) {
            true => self.pass_on(octets).await,
            // A handshake that only one of them expects comes to nothing.
            false => self.listen(Answer::Nothing).await,
        }
    }

    /// Whether the end is still there.
    async fn says(&mut self, toward: Toward, edited: Edited) -> bool {
        let Edited { pieces, done } = edited;
        for edit in done {
            self.interferes(Attack::Edit(edit), &edit.to_string());
        }
        for piece in pieces {
            let is_there = match (piece, toward) {
                (Piece::Pause, _) => {
                    self.door.sleep(BETWEEN_PIECES).await;
                    true
                }
                (Piece::Segment(octets), Toward::Client) => self.say(&octets).await,
                (Piece::Segment(octets), Toward::Server) => self.say_to_server(&octets).await,
            };
            if !is_there {
                return false;
            }
        }
        true
    }
}

impl Editing {
    fn new(toward: Toward, edits: &[Edit]) -> Self {
        let edits = edits.iter().filter(|edit| edit.toward == toward);
        Self {
            edits: edits.copied().collect(),
            begun: 0,
            is_between_lines: true,
            is_dropped: false,
            last_octet: 0,
        }
    }

    /// What is said before anything has passed.
    fn start(&mut self) -> Edited {
        let mut edited = Edited::default();
        self.end_line(&mut edited);
        edited
    }

    /// What goes on of these octets; `None` if there are none, at the end of the stream.
    fn pass(&mut self, octets: &[u8]) -> Option<Edited> {
        let mut edited = Edited::default();
        for octet in octets {
            if std::mem::take(&mut self.is_between_lines) {
                self.begun = self.begun.saturating_add(1);
                self.begin_line(&mut edited);
            }
            if !self.is_dropped {
                edited.say(&[*octet]);
            }
            let is_behind_cr = std::mem::replace(&mut self.last_octet, *octet) == b'\r';
            if is_behind_cr && *octet == b'\n' {
                self.is_between_lines = true;
                self.is_dropped = false;
                self.end_line(&mut edited);
            }
        }
        (!octets.is_empty()).then_some(edited)
    }

    fn begin_line(&mut self, edited: &mut Edited) {
        let line = self.begun;
        self.edits.retain(|edit| {
            match edit.alteration {
                _ if edit.line != line => return true,
                Alteration::InsertBefore(insertion) => edited.say(insertion.octets()),
                Alteration::Drop => self.is_dropped = true,
                Alteration::InsertBehind(_) | Alteration::InsertAfter(_) | Alteration::PauseBehind => return true,
            }
            edited.done.push(*edit);
            false
        });
    }

    fn end_line(&mut self, edited: &mut Edited) {
        let line = self.begun;
        self.edits.retain(|edit| {
            match edit.alteration {
                _ if edit.line != line => return true,
                Alteration::InsertBehind(insertion) => edited.say(insertion.octets()),
                Alteration::InsertAfter(insertion) => edited.say_apart(insertion.octets()),
                Alteration::PauseBehind => edited.pieces.push(Piece::Pause),
                Alteration::InsertBefore(_) | Alteration::Drop => return true,
            }
            edited.done.push(*edit);
            false
        });
    }
}

impl Edited {
    fn say(&mut self, octets: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Segment(last)) => last.extend(octets),
            _ => self.pieces.push(Piece::Segment(octets.to_vec())),
        }
    }

    fn say_apart(&mut self, octets: &[u8]) {
        self.pieces.push(Piece::Segment(octets.to_vec()));
        self.pieces.push(Piece::Segment(Vec::new()));
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Insertion;

    use super::*;

    /// The segments, one an item, and a pause as an ellipsis.
    fn passed(line: u16, alteration: Alteration, octets: &[&str]) -> Vec<String> {
        let toward = Toward::Server;
        let edit = Edit {
            toward,
            line,
            alteration,
        };
        let mut editing = Editing::new(toward, &[edit]);
        let mut pieces = editing.start().pieces;
        for octets in octets {
            pieces.extend(editing.pass(octets.as_bytes()).expect("there are octets").pieces);
        }
        let shown = pieces.into_iter().map(|piece| match piece {
            Piece::Segment(octets) => String::from_utf8(octets).expect("text"),
            Piece::Pause => "…".to_owned(),
        });
        shown.filter(|segment| !segment.is_empty()).collect()
    }

    const NOOP: Insertion = Insertion::Noop;

    #[test]
    fn what_is_not_edited_passes_as_it_came() {
        let edit = Alteration::Drop;
        assert_eq!(
            passed(4, edit, &["EH", "LO a\r\nRS", "ET\r\n"]),
            ["EH", "LO a\r\nRS", "ET\r\n"]
        );
    }

    #[test]
    fn something_comes_in_one_segment_with_the_line_before_or_behind_it() {
        let octets = &["EHLO a\r\n", "RSET\r\n"];
        let before = Alteration::InsertBefore(NOOP);
        assert_eq!(passed(2, before, octets), ["EHLO a\r\n", "NOOP\r\nRSET\r\n"]);
        let behind = Alteration::InsertBehind(NOOP);
        assert_eq!(passed(1, behind, octets), ["EHLO a\r\nNOOP\r\n", "RSET\r\n"]);
    }

    #[test]
    fn something_comes_after_a_line_by_itself() {
        let after = Alteration::InsertAfter(NOOP);
        let octets = &["EHLO a\r\nRSET\r\n"];
        assert_eq!(passed(1, after, octets), ["EHLO a\r\n", "NOOP\r\n", "RSET\r\n"]);
        assert_eq!(passed(0, after, octets), ["NOOP\r\n", "EHLO a\r\nRSET\r\n"]);
    }

    #[test]
    fn a_line_is_dropped_in_however_many_pieces_it_comes() {
        assert_eq!(passed(1, Alteration::Drop, &["EHLO a\r\nRSET\r\n"]), ["RSET\r\n"]);
        assert_eq!(
            passed(1, Alteration::Drop, &["EH", "LO a\r", "\nRSET\r\n"]).concat(),
            "RSET\r\n"
        );
    }

    #[test]
    fn a_moment_passes_behind_a_line() {
        let pause = Alteration::PauseBehind;
        assert_eq!(
            passed(1, pause, &["EHLO a\r\nRSET\r\n"]),
            ["EHLO a\r\n", "…", "RSET\r\n"]
        );
    }
}
