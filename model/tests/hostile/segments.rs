//! The same octets, cut otherwise on their way.

/// The pieces of these octets, whose lengths come from a list that begins anew when it is used up. A length of zero
/// stands for what is left.
pub(crate) fn cut<'a>(octets: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut lengths = lengths.iter().cycle();
    let mut rest = octets;
    while !rest.is_empty() {
        let length = match lengths.next() {
            None | Some(0) => rest.len(),
            Some(length) => rest.len().min(usize::from(*length)),
        };
        let (piece, behind) = rest.split_at(length);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
