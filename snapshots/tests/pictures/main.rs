//! What `docs/model.md` shows: the state diagrams of the sessions, the decisions about TLS and the bounds of the formal
//! model, all made from the code itself.

mod check;
mod client;
mod delivery;
mod graph;
mod kind;
mod mermaid;
mod page;
mod server;
mod svg;
mod tables;
mod walk;

use std::path::Path;

use insta::{Settings, assert_binary_snapshot, assert_snapshot};
use postern_model::mta::policy::TlsUse;

use crate::graph::Graph;

#[test]
fn the_clients_session_is_as_its_pictures_show() {
    for (name, tls, title) in [
        ("client-never", TlsUse::Never, "A client that never uses TLS"),
        (
            "client-if-offered",
            TlsUse::IfOffered,
            "A client that uses TLS if it is offered",
        ),
        ("client-required", TlsUse::Required, "A client that requires TLS"),
        (
            "client-authenticated",
            TlsUse::Authenticated,
            "A client that requires TLS with a certificate",
        ),
    ] {
        assert_reviewed(name, &client::picture(title, tls));
    }
}

#[test]
fn the_servers_session_is_as_its_pictures_show() {
    assert_reviewed("server", &server::picture("A server that offers TLS", |_| {}));
    assert_reviewed(
        "server-demands-tls",
        &server::picture("A server that wishes to refuse mail without TLS", |settings| {
            settings.demands_tls = true;
        }),
    );
    assert_reviewed(
        "server-requires-tls",
        &server::picture(
            "A server that requires TLS of this client before all else",
            |settings| {
                settings.requires_tls = true;
            },
        ),
    );
}

/// More than these nobody follows.
const STATES_MAX: usize = 18;
const EDGES_MAX: usize = 40;

#[test]
fn the_decisions_about_tls_are_as_their_tables_say() {
    settings("tables").bind(|| {
        assert_snapshot!("requirement", tables::requirement());
        assert_snapshot!("after-a-session", tables::after_a_session());
        assert_snapshot!("kept-sessions", tables::kept_sessions());
    });
}

#[test]
fn the_bounds_of_the_formal_model_hold_what_their_tables_say() {
    settings("tables").bind(|| {
        assert_snapshot!("bounds", check::bounds());
        assert_snapshot!("configurations", check::configurations());
        assert_snapshot!("small", check::walked());
    });
}

#[test]
fn a_counterexample_reads_as_it_was_reviewed() {
    settings("tables").bind(|| assert_snapshot!("counterexample", check::counterexample()));
}

fn assert_reviewed(name: &str, graph: &Graph) {
    let (states, edges) = (graph.states.len(), graph.edges.len());
    assert!(
        states <= STATES_MAX && edges <= EDGES_MAX,
        "{name} has {states} states and {edges} edges"
    );
    settings("pictures").bind(|| {
        assert_binary_snapshot!(&format!("{name}-source.mmd"), mermaid::text(graph).into_bytes());
        assert_binary_snapshot!(&format!("{name}.svg"), svg::text(graph).into_bytes());
    });
}

fn settings(folder: &str) -> Settings {
    let mut settings = Settings::new();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}
