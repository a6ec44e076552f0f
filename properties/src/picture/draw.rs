//! The picture as SVG. Colours and fonts are those of the page; places are whole numbers, so that the same picture is always
//! the same text.

use maud::{Markup, html};
use postern_model::transcript::clock;

use super::wrap::wrap;
use super::{ArrowKind, BetweenKind, Lane, LaneKind, Picture, Place, Row, Secured, What};

const CLOCK_WIDTH: usize = 84;
const EDGE_WIDTH: usize = 124;
const LANE_GAP: usize = 264;
const HEAD_HEIGHT: usize = 52;
const LINE_HEIGHT: usize = 15;
/// Hundredths of a pixel that a character takes, rather more than less.
const CHARACTER_WIDTH: usize = 680;
const PAD: usize = 8;
/// What happens later than this is set off.
const PAUSE_SECONDS: u64 = 60;
const PAUSE_HEIGHT: usize = 14;
const NOTE_CHARACTERS: usize = 33;
const LINES_MAX: usize = 60;

/// Draws the picture.
pub(super) fn draw(picture: &Picture, name: &str) -> Markup {
    let sheet = Sheet::of(picture);
    let height = sheet.bottom + HEAD_HEIGHT;
    let (title, description) = (format!("{name}-title"), format!("{name}-description"));
    html! {
        svg.diagram role="img" aria-labelledby={ (title) " " (description) }
            viewBox={ "0 0 " (sheet.width) " " (height) } width=(sheet.width) height=(height) {
            title id=(title) { "Sequence diagram" }
            desc id=(description) { "The transcript below it says the same in words." }
            @for span in &picture.secured { (band(span, &sheet)) }
            @for (place, lane) in picture.lanes.iter().enumerate() { (lifeline(place, lane, sheet.bottom)) }
            @for (row, placed) in picture.rows.iter().zip(&sheet.rows) { (draw_row(picture, row, placed, &sheet)) }
        }
    }
}

/// Where everything goes.
struct Sheet {
    width: usize,
    bottom: usize,
    rows: Vec<PlacedRow>,
}

struct PlacedRow {
    top: usize,
    height: usize,
    lines: Vec<String>,
    /// The clock, where it moved.
    clock: Option<String>,
    /// Much time passed before it.
    is_after_pause: bool,
}

impl Sheet {
    fn of(picture: &Picture) -> Self {
        let gaps = picture.lanes.len().saturating_sub(1);
        let width = CLOCK_WIDTH + 2 * EDGE_WIDTH + gaps * LANE_GAP;
        let mut top = HEAD_HEIGHT + PAD;
        let mut rows: Vec<PlacedRow> = Vec::new();
        let mut before: Option<&Row> = None;
        for row in &picture.rows {
            let time = clock(row.at);
            let has_moved = before.is_none_or(|before| clock(before.at) != time);
            let is_after_pause =
                before.is_some_and(|before| row.at.saturating_sub(before.at).as_secs() >= PAUSE_SECONDS);
            if is_after_pause {
                top += PAUSE_HEIGHT;
            }
            let lines = lines(&row.what, width);
            let height = lines.len() * LINE_HEIGHT + air(&row.what);
            rows.push(PlacedRow {
                top,
                height,
                lines,
                clock: has_moved.then_some(time),
                is_after_pause,
            });
            top += height;
            before = Some(row);
        }
        Self {
            width,
            bottom: top + PAD,
            rows,
        }
    }
}

/// The height of a row beside its lines.
fn air(what: &What) -> usize {
    match what {
        What::Arrow { .. } => 12,
        What::Between { .. } | What::Fact(_) => 8,
        What::Note { .. } => 16,
        What::Verdict { .. } => 26,
    }
}

/// The lines of a row, as long as there is room.
fn lines(what: &What, width: usize) -> Vec<String> {
    let room = |pixels: usize| (pixels * 100 / CHARACTER_WIDTH).max(1);
    let across = |from: &Place, to: &Place| room((from.abs_diff(*to) * LANE_GAP).saturating_sub(3 * PAD));
    let mut lines: Vec<String> = match what {
        What::Arrow { from, to, lines, .. } if from != to => {
            lines.iter().flat_map(|line| wrap(line, across(from, to))).collect()
        }
        What::Arrow { lines, .. } => lines.iter().flat_map(|line| wrap(line, NOTE_CHARACTERS)).collect(),
        What::Between {
            lanes: (one, other),
            text,
            ..
        } => wrap(text, across(one, other).max(NOTE_CHARACTERS)),
        What::Note { text, .. } => wrap(text, NOTE_CHARACTERS),
        What::Fact(text) => wrap(text, room(width.saturating_sub(CLOCK_WIDTH + 3 * PAD))),
        What::Verdict { head, why } => {
            let room = room(width.saturating_sub(CLOCK_WIDTH + 5 * PAD));
            let mut lines = wrap(head, room);
            lines.extend(wrap(why, room));
            lines
        }
    };
    if lines.len() > LINES_MAX {
        lines.truncate(LINES_MAX);
        lines.push("…".to_owned());
    }
    lines
}

fn middle_of(place: Place) -> usize {
    CLOCK_WIDTH + EDGE_WIDTH + place * LANE_GAP
}

fn lifeline(place: Place, lane: &Lane, bottom: usize) -> Markup {
    let x = middle_of(place);
    let (class, role) = match lane.kind {
        LaneKind::Resolver => ("lane", "DNS"),
        LaneKind::Sender => ("lane", "sends"),
        LaneKind::Relay => ("lane", "receives and sends"),
        LaneKind::Receiver => ("lane", "receives"),
        LaneKind::Attacker => ("lane attacker", "on the path"),
    };
    let name = wrap(&lane.name, NOTE_CHARACTERS - 2);
    let short = match name.as_slice() {
        [first, _, ..] => format!("{}…", first.chars().take(NOTE_CHARACTERS - 4).collect::<String>()),
        _ => lane.name.clone(),
    };
    html! {
        g class=(class) {
            line.lifeline x1=(x) y1=(HEAD_HEIGHT - PAD) x2=(x) y2=(bottom + PAD) {}
            @for top in [0, bottom + PAD] {
                rect.head x=(x - EDGE_WIDTH + 4) y=(top) width=(2 * EDGE_WIDTH - 8) height=(HEAD_HEIGHT - PAD) rx="4" {}
                text.name x=(x) y=(top + 19) text-anchor="middle" { (short) }
                text.role x=(x) y=(top + 35) text-anchor="middle" { (role) }
            }
        }
    }
}

fn band(span: &Secured, sheet: &Sheet) -> Markup {
    let (first, last) = (&sheet.rows[span.rows.0], &sheet.rows[span.rows.1]);
    let (left, right) = sorted(span.lanes);
    let (x, y) = (middle_of(left), first.top);
    html! {
        rect.band x=(x) y=(y) width=(middle_of(right) - x) height=(last.top + last.height - y) {}
    }
}

fn draw_row(picture: &Picture, row: &Row, placed: &PlacedRow, sheet: &Sheet) -> Markup {
    let top = placed.top;
    html! {
        @if placed.is_after_pause {
            line.pause x1="0" y1=(top - PAUSE_HEIGHT / 2) x2=(sheet.width) y2=(top - PAUSE_HEIGHT / 2) {}
        }
        @if let Some(clock) = &placed.clock {
            text.clock x="0" y=(top + LINE_HEIGHT) { (clock) }
        }
        @match &row.what {
            What::Arrow { from, to, kind, .. } if from != to => (arrow(*from, *to, *kind, placed)),
            What::Arrow { from: lane, .. } | What::Note { lane, .. } => (note(*lane, picture, placed)),
            What::Between { lanes, kind, .. } => (between(*lanes, *kind, placed)),
            What::Fact(_) => g.fact { (text_lines(CLOCK_WIDTH + PAD, top, "start", &placed.lines)) },
            What::Verdict { .. } => (verdict(placed, sheet)),
        }
    }
}

fn arrow(from: Place, to: Place, kind: ArrowKind, placed: &PlacedRow) -> Markup {
    let class = match kind {
        ArrowKind::Dial => "arrow dial",
        ArrowKind::Clear => "arrow clear",
        ArrowKind::Tls => "arrow tls",
        ArrowKind::Dns => "arrow dns",
    };
    let (left, _) = sorted((from, to));
    let (start, end) = (middle_of(from), middle_of(to));
    let y = placed.top + placed.lines.len() * LINE_HEIGHT + 5;
    let back = if end > start { end - 9 } else { end + 9 };
    html! {
        g class=(class) {
            line x1=(start) y1=(y) x2=(end) y2=(y) {}
            polygon points={ (end) "," (y) " " (back) "," (y - 4) " " (back) "," (y + 4) } {}
            (text_lines(middle_of(left) + PAD + 4, placed.top, "start", &placed.lines))
        }
    }
}

fn note(lane: Place, picture: &Picture, placed: &PlacedRow) -> Markup {
    let is_attackers = picture
        .lanes
        .get(lane)
        .is_some_and(|lane| lane.kind == LaneKind::Attacker);
    let class = if is_attackers { "note attacker" } else { "note" };
    let longest = placed
        .lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or_default();
    let width = longest * CHARACTER_WIDTH / 100 + 2 * PAD;
    let left = middle_of(lane) - width / 2;
    html! {
        g class=(class) {
            rect x=(left) y=(placed.top + 3) width=(width) height=(placed.height - 6) rx="3" {}
            (text_lines(left + PAD, placed.top + 5, "start", &placed.lines))
        }
    }
}

fn between(lanes: (Place, Place), kind: BetweenKind, placed: &PlacedRow) -> Markup {
    let class = match kind {
        BetweenKind::Plain => "between",
        BetweenKind::Secured => "between secured",
        BetweenKind::Failed => "between failed",
    };
    let middle = (middle_of(lanes.0) + middle_of(lanes.1)) / 2;
    html! {
        g class=(class) { (text_lines(middle, placed.top + 2, "middle", &placed.lines)) }
    }
}

fn verdict(placed: &PlacedRow, sheet: &Sheet) -> Markup {
    let left = CLOCK_WIDTH;
    html! {
        g.verdict {
            rect.box x=(left) y=(placed.top + 5) width=(sheet.width - left) height=(placed.height - 10) rx="3" {}
            rect.mark x=(left) y=(placed.top + 5) width="5" height=(placed.height - 10) {}
            (text_lines(left + 2 * PAD, placed.top + 11, "start", &placed.lines))
        }
    }
}

fn text_lines(x: usize, top: usize, anchor: &str, lines: &[String]) -> Markup {
    html! {
        @for (number, line) in lines.iter().enumerate() {
            text x=(x) y=(top + number * LINE_HEIGHT + 11) text-anchor=(anchor) { (line) }
        }
    }
}

fn sorted((one, other): (Place, Place)) -> (Place, Place) {
    (one.min(other), one.max(other))
}
