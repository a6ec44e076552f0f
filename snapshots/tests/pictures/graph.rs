//! A state diagram: where a session waits, and what leads from there to where.

/// A state diagram.
pub(crate) struct Graph {
    /// What it is of.
    pub(crate) title: String,
    /// The states, the first of which is the start.
    pub(crate) states: Vec<State>,
    /// What leads from one state to another, by their places.
    pub(crate) edges: Vec<Edge>,
}

/// Where a session waits.
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) is_inside_tls: bool,
    /// What happens here without leading to another state: the session ends, or says no and waits on.
    pub(crate) lines: Vec<String>,
}

/// What leads from one state to another.
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// One line for each group of events that have the same answer.
    pub(crate) lines: Vec<String>,
}
