//! A state diagram as SVG. `layout-rs` places the states and leads the edges; what is drawn there is written here, so that
//! it reads well on a light page and on a dark one, and so that the same graph is always the same file.

use std::fmt::Write;

use layout::core::base::Orientation;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;

use crate::graph::Graph;

/// The layout takes every character for a square of this side.
const SQUARE: usize = 10;
/// What is drawn is narrower and higher.
const CHARACTER_WIDTH: f64 = 7.3;
const LINE_HEIGHT: f64 = 17.0;
const MARGIN: f64 = 16.0;
const TITLE_HEIGHT: f64 = 34.0;
const TITLE_CHARACTER_WIDTH: f64 = 9.8;

/// Plain colours, and others where the page is dark: not every program that draws SVG knows variables.
const STYLE: &str = "\
  text { font: 12px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1f2328 }
  .paper { fill: #ffffff }
  .state { fill: #f6f8fa; stroke: #59636e }
  .tls { fill: #dafbe1 }
  text.name { font-weight: bold }
  text.title { font-size: 16px; font-weight: bold }
  .edge { fill: none; stroke: #59636e; stroke-width: 1.5 }
  .head { fill: #59636e }
  text.halo { fill: none; stroke: #ffffff; stroke-width: 5px; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .paper { fill: #0d1117 }
    .state { fill: #1c2128; stroke: #9198a1 }
    .tls { fill: #12361f }
    .edge { stroke: #9198a1 }
    .head { fill: #9198a1 }
    text.halo { stroke: #0d1117 }
  }
";

/// The text of an SVG file.
pub(crate) fn text(graph: &Graph) -> String {
    let mut texts: Vec<Vec<String>> = Vec::new();
    let look = StyleAttr {
        font_size: SQUARE,
        ..StyleAttr::simple()
    };
    let mut visual = VisualGraph::new(Orientation::TopToBottom);
    let mut handles = Vec::new();
    for state in &graph.states {
        let lines: Vec<String> = std::iter::once(&state.name).chain(&state.lines).cloned().collect();
        let size = Point::new(width(&lines) + 20.0, lines.len() as f64 * LINE_HEIGHT + 14.0);
        let shape = ShapeKind::Box(room_for(&mut texts, lines));
        let class = if state.is_inside_tls { "state tls" } else { "state" };
        let element = Element::create_with_properties(shape, look.clone(), Orientation::TopToBottom, size, class);
        handles.push(visual.add_node(element));
    }
    for edge in &graph.edges {
        let mut arrow = Arrow::simple(&room_for(&mut texts, edge.lines.clone()));
        arrow.look = look.clone();
        visual.add_edge(arrow, handles[edge.from], handles[edge.to]);
    }
    let mut canvas = Canvas {
        texts,
        states: graph.states.len(),
        ..Canvas::default()
    };
    visual.do_it(false, false, false, &mut canvas);
    canvas.finish(&graph.title)
}

/// A text as large as these lines will be drawn, by the measure of the layout, that begins with their number.
fn room_for(texts: &mut Vec<Vec<String>>, lines: Vec<String>) -> String {
    let squares = |length: f64| (length / SQUARE as f64).ceil() as usize;
    let (columns, rows) = (squares(width(&lines)), squares(lines.len() as f64 * LINE_HEIGHT));
    let mut room = format!("{:<columns$}", texts.len());
    room.extend(std::iter::repeat_n("\n.", rows.saturating_sub(1)));
    texts.push(lines);
    room
}

/// How wide these lines will be drawn.
fn width(lines: &[String]) -> f64 {
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    longest as f64 * CHARACTER_WIDTH
}

/// What is drawn, in the order in which it lies on one another.
#[derive(Default)]
struct Canvas {
    texts: Vec<Vec<String>>,
    /// So many of the texts are those of states; the others are those of edges.
    states: usize,
    boxes: String,
    edges: String,
    words: String,
    extent: (f64, f64),
}

impl Canvas {
    fn reach(&mut self, x: f64, y: f64) {
        self.extent = (self.extent.0.max(x), self.extent.1.max(y));
    }

    fn finish(&self, title: &str) -> String {
        let title_width = title.chars().count() as f64 * TITLE_CHARACTER_WIDTH;
        let width = self.extent.0.max(title_width) + 2.0 * MARGIN;
        let height = self.extent.1 + 2.0 * MARGIN + TITLE_HEIGHT;
        let title = escaped(title);
        let Self {
            boxes, edges, words, ..
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
             <defs><marker id=\"head\" markerWidth=\"9\" markerHeight=\"8\" refX=\"8\" refY=\"4\" orient=\"auto-start-reverse\" \
             markerUnits=\"userSpaceOnUse\"><path class=\"head\" d=\"M0 0 L9 4 L0 8 z\"/></marker></defs>\n\
             <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n\
             <text class=\"title\" x=\"{MARGIN}\" y=\"{:.0}\">{title}</text>\n\
             <g transform=\"translate({MARGIN} {:.0})\">\n{boxes}{edges}{words}</g>\n</svg>\n",
            MARGIN + 12.0,
            MARGIN + TITLE_HEIGHT,
        )
    }
}

impl RenderBackend for Canvas {
    fn draw_rect(&mut self, at: Point, size: Point, _: &StyleAttr, class: Option<String>, _: Option<ClipHandle>) {
        let class = class.unwrap_or_default();
        self.reach(at.x + size.x, at.y + size.y);
        writeln!(
            self.boxes,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>",
            at.x, at.y, size.x, size.y
        )
        .expect("a string takes all");
    }

    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_text(&mut self, middle: Point, text: &str, _: &StyleAttr) {
        let number: String = text.chars().take_while(char::is_ascii_digit).collect();
        let number: usize = number.parse().expect("a text begins with its number");
        let lines = self.texts[number].clone();
        let top = middle.y - LINE_HEIGHT * lines.len() as f64 / 2.0 + 12.5;
        for (place, line) in lines.iter().enumerate() {
            let classes: &[&str] = match (number < self.states, place) {
                (true, 0) => &["name"],
                (true, _) => &["line"],
                (false, _) => &["halo", "label"],
            };
            let y = top + LINE_HEIGHT * place as f64;
            let half = line.chars().count() as f64 * CHARACTER_WIDTH / 2.0;
            self.reach(middle.x + half, y);
            for class in classes {
                writeln!(
                    self.words,
                    "<text class=\"{class}\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
                    middle.x,
                    escaped(line)
                )
                .expect("a string takes all");
            }
        }
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        _: bool,
        head: (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        _: &str,
    ) {
        let mut d = String::new();
        for (place, (control, point)) in path.iter().enumerate() {
            self.reach(control.x, control.y);
            self.reach(point.x, point.y);
            // The first pair is a point and the control behind it; each later one a control and the point behind that.
            let (letter, join) = match place {
                0 => ("M", " C"),
                1 => ("", ""),
                _ => (" S", ""),
            };
            write!(
                d,
                "{letter}{:.1} {:.1}{join} {:.1} {:.1} ",
                control.x, control.y, point.x, point.y
            )
            .expect("a string takes all");
        }
        let mut ends = String::new();
        for (is_there, end) in [(head.0, "start"), (head.1, "end")] {
            if is_there {
                write!(ends, " marker-{end}=\"url(#head)\"").expect("a string takes all");
            }
        }
        writeln!(self.edges, "<path class=\"edge\" d=\"{}\"{ends}/>", d.trim_end()).expect("a string takes all");
    }

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
