//! Debian's Chromium, without a window.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use super::url;

/// Set, the pages must be looked at: a machine without a browser fails.
const REQUIRED: &str = "POSTERN_REQUIRE_CHROMIUM";

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// No sandbox, for root has none and the pages are our own; and no name on the network that could be found.
const ALWAYS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1400,1000",
    "--virtual-time-budget=60000",
    "--enable-logging=stderr",
    "--dump-dom",
];

pub(crate) struct Chromium(&'static str);

/// Whether the browser asks for light pages or for dark ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// A page, when nothing happens in it any more.
pub(crate) struct Seen {
    /// What has become of it.
    pub(crate) document: String,
    /// What the browser had to say.
    pub(crate) console: Vec<String>,
}

impl Chromium {
    /// The browser, if there is one. If not, it is said of what, and it is a failure where it is required.
    pub(crate) fn here(what: &str) -> Option<Self> {
        let is_here = |name: &&str| Command::new(name).arg("--version").output().is_ok();
        let found = NAMES.into_iter().find(is_here);
        let says = format!("{what} were not looked at: no {} on this machine", NAMES[0]);
        assert!(
            found.is_some() || std::env::var_os(REQUIRED).is_none(),
            "{says}, and {REQUIRED} is set"
        );
        if found.is_none() {
            // Past the harness, which keeps to itself what a test that passes has printed.
            writeln!(io::stderr(), "{says}").expect("the standard error stream takes a line");
        }
        found.map(Self)
    }

    /// Opens a page and waits until nothing happens in it any more.
    pub(crate) fn open(&self, page: &Path, scheme: Scheme) -> Seen {
        let scheme = match scheme {
            Scheme::Dark => "--blink-settings=preferredColorScheme=0",
            Scheme::Light => "--blink-settings=preferredColorScheme=1",
        };
        let profile = format!("--user-data-dir={}", page.with_extension("profile").display());
        let output = Command::new(self.0)
            .args(ALWAYS)
            .args([scheme, &profile, &url(page)])
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", self.0));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} fails:\n{errors}", self.0);
        let console = errors.lines().filter(|line| line.contains("CONSOLE"));
        Seen {
            document: String::from_utf8_lossy(&output.stdout).into_owned(),
            console: console.map(str::to_owned).collect(),
        }
    }
}
