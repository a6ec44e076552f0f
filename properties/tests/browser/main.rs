//! The pages in a real browser: narrow and wide, light and dark, by keyboard, without the network.
//!
//! Copies of the pages with a probe in them stand in frames of the widths that are asked for.

mod chromium;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chromium::{Chromium, Scheme, Seen};
use serde_json::Value;

const PROBE: &str = include_str!("probe.js");
const POLICY: &str = "http-equiv=\"Content-Security-Policy\"";

/// What a phone is wide, in pixels of CSS, and what a desk has room for.
const WIDTHS: [u32; 2] = [400, 1280];

#[test]
fn the_pages_read_well_on_a_phone_and_on_a_desk_by_day_and_by_night() {
    let Some(chromium) = Chromium::here("the pages of matrix and replay") else {
        return;
    };
    let scenario = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/scenarios/injection/replies-behind-go-ahead.toml"
    );
    let subjects = ["--subject", "postern", "--subject", "lettre:required"];
    let pages = [
        made(
            "matrix",
            &[&["matrix", "--from", "22", "--worlds", "3"][..], &subjects].concat(),
        ),
        made("replay", &["replay", scenario, "--client", "lettre:required"]),
    ];
    for scheme in [Scheme::Light, Scheme::Dark] {
        let saw = look(&chromium, &pages, scheme);
        assert_eq!(saw.len(), pages.len() * WIDTHS.len(), "{saw:#?}");
        for saw in saw {
            assert_is_well(&saw, scheme);
        }
    }
}

#[track_caller]
fn assert_is_well(saw: &Value, scheme: Scheme) {
    assert_eq!(saw["dark"], scheme == Scheme::Dark, "{saw:#}");
    for scrolls in saw["widths"].as_array().expect("widths") {
        assert!(
            scrolls.as_u64() <= saw["width"].as_u64(),
            "it is wider than the screen: {saw:#}"
        );
    }
    for fault in [
        "leadNowhere",
        "cannotBeFocused",
        "stayShut",
        "overlaps",
        "outside",
        "pale",
        "requests",
    ] {
        assert_eq!(saw[fault], Value::Array(Vec::new()), "{fault}: {saw:#}");
    }
    assert!(saw["links"].as_u64() > Some(0), "{saw:#}");
    let is_matrix = saw["page"].as_str().is_some_and(|page| page.starts_with("matrix"));
    assert_eq!(is_matrix, saw["sections"].as_u64() > Some(0), "{saw:#}");
}

/// What the probe saw of each page at each width. The pages themselves, which let no probe in, stand beside the copies: the
/// browser must have nothing to say of them.
fn look(chromium: &Chromium, pages: &[PathBuf], scheme: Scheme) -> Vec<Value> {
    let mut frames = String::new();
    for page in pages {
        let name = page
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("the page has a name");
        frames += &format!("<iframe src='{}'></iframe>", url(page));
        for width in WIDTHS {
            let copy = url(&with_probe(page));
            frames +=
                &format!("<iframe name='{name} {width}' style='width:{width}px;height:900px' src='{copy}'></iframe>");
        }
    }
    let around = pages[0].with_file_name("around.html");
    let hears = "addEventListener('message', (told) => { document.body.append(Object.assign(document.createElement('pre'), { \
                 textContent: told.data })) })";
    let style = "iframe { border: 0 }";
    let document = format!("<!DOCTYPE html><script>{hears}</script><style>{style}</style>{frames}");
    fs::write(&around, document).expect("a file can be written");
    let Seen { document, console } = chromium.open(&around, scheme);
    assert!(console.is_empty(), "the browser complains: {console:#?}");
    let told = document
        .split("<pre>")
        .skip(1)
        .filter_map(|told| told.split_once("</pre>"));
    told.map(|(told, _)| {
        let told = told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
    })
    .collect()
}

/// A copy of the page with the probe in it. The page lets nothing run: its policy is left out of the copy.
fn with_probe(page: &Path) -> PathBuf {
    let text = fs::read_to_string(page).expect("the page can be read");
    assert!(text.contains(POLICY), "the page has a policy");
    let probed = text.replace(POLICY, "name=\"left-out\"");
    let probed = probed.replace("</body>", &format!("<script>{PROBE}</script></body>"));
    let copy = page.with_extension("probed.html");
    fs::write(&copy, probed).expect("a file can be written");
    copy
}

/// A page that the command made, of this name.
fn made(name: &str, arguments: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    fs::create_dir_all(&folder).expect("a folder can be made");
    let page = folder.join(name).with_extension("html");
    let output = Command::new(env!("CARGO_BIN_EXE_postern"))
        .current_dir(&folder)
        .args(arguments)
        .arg("--html")
        .arg(&page)
        .output()
        .expect("the command runs");
    assert!(page.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    page
}

fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}
