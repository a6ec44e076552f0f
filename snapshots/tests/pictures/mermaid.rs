//! A state diagram in Mermaid's own language, which several code hosts draw.

use std::fmt::Write;

use crate::graph::Graph;

/// The text of a `stateDiagram-v2`.
pub(crate) fn text(graph: &Graph) -> String {
    let mut text = format!(
        "---\ntitle: {}\n---\nstateDiagram-v2\n    [*] --> s0\n",
        escaped(&graph.title)
    );
    for (place, state) in graph.states.iter().enumerate() {
        let lines = std::iter::once(&state.name).chain(&state.lines);
        for line in lines {
            writeln!(text, "    s{place} : {}", escaped(line)).expect("a string takes all");
        }
    }
    for edge in &graph.edges {
        let lines: Vec<String> = edge.lines.iter().map(|line| escaped(line)).collect();
        let lines = lines.join("<br/>");
        writeln!(text, "    s{} --> s{} : {lines}", edge.from, edge.to).expect("a string takes all");
    }
    text
}

/// A colon would begin a description.
fn escaped(line: &str) -> String {
    line.replace(':', "#58;")
}
