mod bounds;
use postern_model::formal::projected;
#[test]
fn dump() {
    let which: usize = std::env::var("WHICH").unwrap().parse().unwrap();
    let bounds = bounds::COMPARED[which];
    let t = std::time::Instant::now();
    let found = projected(&bounds.configuration(None));
    eprintln!("{bounds:?} states {} lines {} in {:?}\n{}", found.states, found.lines.len(), t.elapsed(), bounds.definitions(None).join(" "));
    let text: String = found.lines.iter().map(|l| format!("state {l}\n")).collect();
    std::fs::write(format!("/tmp/twin/ours{which}.txt"), text).unwrap();
}
