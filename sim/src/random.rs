//! Every stream of randomness of a run, each derived from the seed and a label of its own, so that one more draw in one
//! place reshuffles nothing elsewhere.
//!
//! rustls asks its provider for randomness without saying for whom. So there is a current stream in each thread: that of
//! the future [`seeded`] is polling, else that of the run.

use std::cell::RefCell;
use std::future::poll_fn;
use std::mem;
use std::pin::pin;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// The stream that belongs to this seed and label, such as `["mx1.b.example", "retry jitter"]`.
pub fn stream(seed: u64, label: &[&str]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for part in label {
        // The length keeps ["ab", "c"] apart from ["a", "bc"].
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

thread_local! {
    static OF_THE_RUN: RefCell<ChaCha8Rng> = RefCell::new(stream(0, &["outside of any run"]));
    static CURRENT: RefCell<Option<Box<ChaCha8Rng>>> = const { RefCell::new(None) };
}

/// Sets what is drawn outside of [`seeded`] from the start of this run on.
pub(crate) fn begin_run(seed: u64) {
    OF_THE_RUN.set(stream(seed, &["run"]));
}

/// Fills the octets from the current stream.
pub(crate) fn fill(octets: &mut [u8]) {
    CURRENT.with_borrow_mut(|current| match current {
        Some(stream) => stream.fill_bytes(octets),
        None => OF_THE_RUN.with_borrow_mut(|stream| stream.fill_bytes(octets)),
    });
}

/// Runs a future whose draws, in whatever library it makes them, come from this stream.
pub async fn seeded<F: Future>(stream: ChaCha8Rng, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut stream = Some(Box::new(stream));
    poll_fn(|context| {
        let _drawing = Drawing::from(&mut stream);
        future.as_mut().poll(context)
    })
    .await
}

/// Makes a stream the current one until it is dropped; streams may be nested.
struct Drawing<'a> {
    stream: &'a mut Option<Box<ChaCha8Rng>>,
    outer: Option<Box<ChaCha8Rng>>,
}

impl<'a> Drawing<'a> {
    fn from(stream: &'a mut Option<Box<ChaCha8Rng>>) -> Self {
        let outer = CURRENT.with_borrow_mut(|current| mem::replace(current, stream.take()));
        Self { stream, outer }
    }
}

impl Drop for Drawing<'_> {
    fn drop(&mut self) {
        let outer = self.outer.take();
        *self.stream = CURRENT.with_borrow_mut(|current| mem::replace(current, outer));
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn drawn() -> [u8; 8] {
        let mut octets = [0; 8];
        fill(&mut octets);
        octets
    }

    fn first_of(mut stream: ChaCha8Rng) -> [u8; 8] {
        let mut octets = [0; 8];
        stream.fill_bytes(&mut octets);
        octets
    }

    #[test]
    fn streams_differ_by_seed_and_by_each_part_of_the_label() {
        let streams = [
            stream(1, &["ab", "c"]),
            stream(1, &["a", "bc"]),
            stream(1, &["abc"]),
            stream(2, &["ab", "c"]),
        ];
        let mut firsts = streams.map(first_of);
        assert_eq!(firsts[0], first_of(stream(1, &["ab", "c"])));
        firsts.sort_unstable();
        assert!(firsts.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn futures_that_are_polled_in_turns_draw_each_from_its_own_stream() {
        begin_run(1);
        let two_draws = |label| {
            seeded(stream(1, &[label]), async {
                let first = drawn();
                yield_once().await;
                (first, drawn())
            })
        };
        let mut context = Context::from_waker(Waker::noop());
        let (mut one, mut other) = (pin!(two_draws("one")), pin!(two_draws("other")));
        assert!(one.as_mut().poll(&mut context).is_pending());
        assert!(other.as_mut().poll(&mut context).is_pending());
        let between = drawn();
        let (Poll::Ready(one), Poll::Ready(other)) =
            (one.as_mut().poll(&mut context), other.as_mut().poll(&mut context))
        else {
            panic!("both are done at their second poll");
        };
        for (label, draws) in [("one", one), ("other", other)] {
            let mut alone = [0; 16];
            stream(1, &[label]).fill_bytes(&mut alone);
            assert_eq!([draws.0, draws.1].concat(), alone);
        }
        assert_eq!(between, first_of(stream(1, &["run"])));
    }

    #[test]
    fn an_inner_stream_gives_way_to_the_outer_when_it_ends() {
        let nested = seeded(stream(1, &["outer"]), async {
            seeded(stream(1, &["inner"]), ready(())).await;
            drawn()
        });
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(
            pin!(nested).poll(&mut context),
            Poll::Ready(first_of(stream(1, &["outer"])))
        );
    }

    async fn yield_once() {
        let mut yielded = false;
        poll_fn(|_| {
            if mem::replace(&mut yielded, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
