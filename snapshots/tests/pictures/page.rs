//! `docs/model.md` shows what is kept here, and its links lead somewhere.

use std::fs;
use std::path::Path;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/model.md");
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Set, the tables on the page are written anew.
const WRITE: &str = "POSTERN_WRITE_DOCS";

/// A table on the page stands between these, with its place below `snapshots/` in the first.
const TABLE_BEGINS: &str = "<!-- snapshots/";
const TABLE_ENDS: &str = "<!-- end -->";

#[test]
fn every_link_leads_somewhere() {
    let page = read(PAGE);
    let folder = Path::new(PAGE).parent().expect("the page is in a folder");
    let links = page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link);
    let relative: Vec<&str> = links
        .filter(|link| !link.contains("://") && !link.starts_with('#'))
        .collect();
    assert!(!relative.is_empty(), "docs/model.md has links");
    for link in relative {
        let path = link.split('#').next().unwrap_or_default();
        assert!(
            folder.join(path).exists(),
            "docs/model.md links to {link}, which is not there"
        );
    }
}

#[test]
fn every_picture_is_shown() {
    let page = read(PAGE);
    let entries = fs::read_dir(Path::new(FOLDER).join("pictures")).expect("the folder of pictures");
    for entry in entries {
        let name = entry.expect("an entry of the folder").file_name();
        let name = name.to_string_lossy();
        let is_picture = name.ends_with(".snap.svg") || name.ends_with(".snap.mmd");
        let link = format!("](../snapshots/pictures/{name})");
        assert!(
            !is_picture || page.contains(&link),
            "docs/model.md does not show {name}"
        );
    }
}

#[test]
fn every_table_on_the_page_is_the_one_that_was_reviewed() {
    let page = read(PAGE);
    let fresh = with_fresh_tables(&page);
    if std::env::var_os(WRITE).is_some() {
        fs::write(PAGE, &fresh).expect("docs/model.md can be written");
    }
    assert!(
        read(PAGE) == fresh,
        "a table in docs/model.md is not the snapshot any more; write it anew with\n\
         {WRITE}=1 cargo test -p postern-snapshots --test pictures"
    );
}

fn with_fresh_tables(page: &str) -> String {
    let mut parts = page.split(TABLE_BEGINS);
    let mut fresh = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" -->").expect("a comment has an end");
        let (_, rest) = rest.split_once(TABLE_ENDS).expect("a table has an end");
        let table = snapshot(&Path::new(FOLDER).join(name));
        fresh += &format!("{TABLE_BEGINS}{name} -->\n```text\n{table}\n```\n{TABLE_ENDS}{rest}");
    }
    fresh
}

/// What a snapshot holds below its head.
fn snapshot(path: &Path) -> String {
    let text = read(path);
    let (_, text) = text.split_once("\n---\n").expect("a snapshot has a head");
    text.trim_end().to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
