//! Delta debugging (Zeller and Hildebrandt, 2002): a subset of a list that still fails and of which no single element
//! can be spared.

/// Leaves out as many items as it can while the rest fails. The whole list is taken to fail.
pub(super) fn ddmin<T: Clone>(mut items: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    if items.is_empty() || fails(&[]) {
        return Vec::new();
    }
    let mut pieces = 2;
    while items.len() > 1 {
        let length = items.len().div_ceil(pieces);
        let rest_that_fails = (0..items.len()).step_by(length).find_map(|start| {
            let end = (start + length).min(items.len());
            let rest = [&items[..start], &items[end..]].concat();
            (!rest.is_empty() && fails(&rest)).then_some(rest)
        });
        match rest_that_fails {
            Some(rest) => {
                items = rest;
                pieces = (pieces - 1).max(2);
            }
            None if length == 1 => break,
            None => pieces = (pieces * 2).min(items.len()),
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::ddmin;

    #[test]
    fn finds_the_two_items_that_matter() {
        let mut tries = 0;
        let kept = ddmin((0..64).collect(), |items| {
            tries += 1;
            items.contains(&5) && items.contains(&41)
        });
        assert_eq!(kept, [5, 41]);
        assert!(tries < 100, "{tries} tries");
    }

    #[test]
    fn keeps_everything_where_everything_matters() {
        assert_eq!(ddmin(vec![1, 2, 3], |items| items.len() == 3), [1, 2, 3]);
    }

    #[test]
    fn keeps_nothing_where_nothing_matters() {
        assert!(ddmin(vec![1, 2, 3], |_| true).is_empty());
        assert!(ddmin(Vec::<u8>::new(), |_| false).is_empty());
    }

    #[test]
    fn leaves_no_item_that_can_be_spared() {
        let matters = [3, 4, 5, 17, 30];
        let kept = ddmin((0..32).collect(), |items| {
            matters.iter().all(|item| items.contains(item))
        });
        assert_eq!(kept, matters);
    }
}
