//! A moment in words, for whoever walks the model by hand.

use std::fmt::Write;

use crate::mta::policy::TlsUse;

use super::configuration::{Configuration, hop_name};
use super::world::{Clock, End, Job, Lasting, Minutes, Place, Server, Session, World};

/// Each message, host and next hop, on a line of its own.
pub(super) fn portrait(configuration: &Configuration, world: &World) -> String {
    if world.clock == Clock::Ended {
        return "All mail is gone.\n".to_owned();
    }
    let mut text = String::new();
    let mut line = |what: String| writeln!(text, "{what}").expect("a string takes all");
    for (place, hop) in configuration.messages.iter().enumerate() {
        let to = hop_name((*hop).into());
        line(format!("m{} to {to}: {}", place + 1, job(&world.jobs[place])));
    }
    for (place, exchanger) in configuration.exchangers.iter().enumerate() {
        let serves = (0..configuration.levels.len()).filter(|hop| exchanger.preference[*hop].is_some());
        let mut said = server(&world.servers[place], serves);
        if let Some(kept) = world.kept[place] {
            said.push(format!("keeps {}, {}", session(&kept.session), left(kept.ends_in)));
        }
        if let Some(time) = world.forgets_in[place] {
            said.push(format!("remembered as one where TLS broke, {}", left(time)));
        }
        line(format!("mx{}: {}", place + 1, said.join("; ")));
    }
    for (hop, level) in world.levels.iter().enumerate().take(configuration.levels.len()) {
        let fails = if world.lookups_fail[hop] { "; lookups fail" } else { "" };
        line(format!("mail to {}: level {level}{fails}", hop_name(hop)));
    }
    let budget = &world.left;
    line(format!(
        "may still happen: attacks {}, drifts {}, restarts {}",
        budget.attacks, budget.drifts, budget.restarts
    ));
    text
}

fn job(job: &Job) -> String {
    let mut said = match job.place {
        Place::Outside => "not handed in yet".to_owned(),
        Place::Waits => "waits".to_owned(),
        Place::Resolves => "asks DNS next".to_owned(),
        Place::Dials { peer, address, tls } => {
            let tls = match tls {
                TlsUse::Never => "in clear",
                TlsUse::IfOffered => "with TLS if it is offered",
                TlsUse::Required => "with TLS",
                TlsUse::Authenticated => "with TLS to whom a certificate proves",
            };
            format!("dials mx{} next, at its address {}, {tls}", peer.0, address + 1)
        }
        Place::Hangs { peer, ends_in, .. } => {
            format!("has dialled mx{}, which does not answer, {}", peer.0, left(ends_in))
        }
        Place::Reuses { peer, .. } => format!("goes next by the session that is kept with mx{}", peer.0),
        Place::Talks { peer, session: by } => format!("is sent next to mx{} by {}", peer.0, session(&by)),
        Place::Over(End::Sent) => "sent".to_owned(),
        Place::Over(End::GivenBack) => "given back".to_owned(),
    };
    if let Some(time) = job.retries_in {
        write!(said, "; next attempt in {time} min").expect("a string takes all");
    }
    match job.expires_in {
        Some(time) => write!(said, "; lifetime over in {time} min").expect("a string takes all"),
        None if matches!(job.place, Place::Outside | Place::Over(_)) => {}
        None => said.push_str("; lifetime over"),
    }
    said
}

fn server(server: &Server, serves: impl Iterator<Item = usize>) -> Vec<String> {
    let mut said = vec![if server.tls { "TLS" } else { "no TLS" }.to_owned()];
    if server.certificate_is_bad {
        said.push("its certificate proves nothing".to_owned());
    }
    for hop in serves {
        let name = hop_name(hop);
        if !server.configured[hop] {
            said.push(format!("not configured for {name}"));
        }
        if !server.listed[hop] {
            said.push(format!("not listed for {name}"));
        }
        if server.lookups_fail[hop] {
            said.push(format!("its lookups about {name} fail"));
        }
    }
    if let Some((attack, lasting)) = &server.attack {
        let until = match lasting {
            Lasting::Moment => ", until time moves",
            Lasting::Ever => ", for good",
        };
        said.push(format!("the attacker {attack}{until}"));
    }
    said
}

fn session(session: &Session) -> String {
    let secured = match (session.secured, session.authenticated) {
        (false, _) => "in clear".to_owned(),
        (true, None) => "inside TLS".to_owned(),
        (true, Some(hop)) => format!("inside TLS, {} proved", hop_name(hop.into())),
    };
    match &session.attack {
        None => format!("a session {secured}"),
        Some(attack) => format!("a session {secured}, on whose path the attacker {attack}"),
    }
}

fn left(time: Minutes) -> String {
    format!("for {time} min more")
}
