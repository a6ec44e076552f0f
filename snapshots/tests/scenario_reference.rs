//! `docs/scenario.md` is made from the code: its picture is reviewed here, and the page must be that picture.

use std::fs;

use insta::{Settings, assert_snapshot};
use postern_model::scenario::reference;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenario.md");

/// Set, the page is written anew.
const WRITE: &str = "POSTERN_WRITE_DOCS";

#[test]
fn the_reference_of_the_scenario_file_reads_as_it_was_reviewed() {
    let mut settings = Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tables"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!("scenario-reference", reference()));
}

#[test]
fn the_page_is_what_the_code_says() {
    if std::env::var_os(WRITE).is_some() {
        fs::write(PAGE, reference()).expect("docs/scenario.md can be written");
    }
    let page = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        page == reference(),
        "docs/scenario.md is not what the code says; write it anew with\n\
         {WRITE}=1 cargo test -p postern-snapshots --test scenario_reference"
    );
}
