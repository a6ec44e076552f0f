//! What puts each rule to the test, as one table: measured over the named scenarios, fixed seeds and every mutant.

use std::path::Path;
use std::thread;

use insta::{Settings, assert_snapshot};
use mailpostern::catalogue;
use mailpostern::coverage::{measure, text};

#[test]
fn the_coverage_reads_as_it_was_reviewed_and_has_no_hole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../properties/scenarios");
    let catalogue = catalogue::read(&folder).unwrap_or_else(|error| panic!("{error}"));
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let coverage = measure(&catalogue, jobs, |_, _| {}).expect("a testbed that works");
    let mut settings = Settings::new();
    settings.set_snapshot_path(env!("CARGO_MANIFEST_DIR"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!("coverage", text(&coverage)));
    assert_eq!(coverage.problems(), [""; 0]);
}
