use super::*;

fn closed(connection: u32) -> Event {
    Event::Closed {
        connection: ConnectionId(connection),
        lost: Vec::new(),
    }
}

#[test]
fn the_first_difference_is_where_traces_part_or_one_ends() {
    let mut long = Trace::default();
    long.push(Duration::ZERO, closed(1));
    long.push(Duration::ZERO, closed(2));
    let mut short = long.clone();
    assert_eq!(long.first_difference(&short), None);
    short.records.pop();
    assert_eq!(long.first_difference(&short), Some((1, long.records.last(), None)));
    short.push(Duration::ZERO, closed(3));
    assert_eq!(
        long.first_difference(&short),
        Some((1, long.records.last(), short.records.last()))
    );
}
