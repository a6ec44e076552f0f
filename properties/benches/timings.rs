//! How long worlds take, in wall-clock time: `cargo bench --bench timings`.

mod worlds;

use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use divan::counter::ItemsCount;
use mailpostern::campaign::{Relations, examine};
use mailpostern::generate::{self, Profile};
use postern_sim::{Client, Crypto, Options, Server};

fn main() {
    divan::main();
}

/// A generated world, run and judged as `postern explore` does; items are worlds.
#[divan::bench(threads = [1, 2], sample_count = 200)]
fn generated_world(bencher: Bencher<'_, '_>) {
    let seeds = AtomicU64::new(1);
    bencher
        .with_inputs(|| seeds.fetch_add(1, Ordering::Relaxed))
        .counter(ItemsCount::new(1usize))
        .bench_values(|seed| {
            let options = Options {
                crypto: Crypto::Fast,
                client: Client::Postern,
                server: Server::Postern,
                mutant: None,
            };
            examine(&generate::scenario(seed, Profile::Swarm), options, Relations::Drawn)
        });
}

/// The handshake of a session by TLS, alone and in memory.
#[divan::bench(args = [Crypto::Real, Crypto::Fast])]
fn handshake(bencher: Bencher<'_, '_>, crypto: Crypto) {
    let handshake = worlds::Handshake::new(crypto);
    bencher.bench_local(|| handshake.shake());
}

/// One world of so many hosts, two sessions for each but the first; items are sessions.
#[divan::bench(args = [2, 4, 8, 16])]
fn hosts(bencher: Bencher<'_, '_>, hosts: usize) {
    let scenario = worlds::crowd(hosts);
    let sessions = ItemsCount::new(2 * (hosts - 1));
    bencher.counter(sessions).bench(|| worlds::run(&scenario, Crypto::Fast));
}

/// One world of two hosts with so many messages, 16 at a time; items are messages.
#[divan::bench(args = [1, 4, 16, 64, 256])]
fn messages(bencher: Bencher<'_, '_>, messages: usize) {
    let scenario = worlds::sessions(messages, 16);
    let messages = ItemsCount::new(messages);
    bencher.counter(messages).bench(|| worlds::run(&scenario, Crypto::Fast));
}

/// Five days of a message that requires TLS, tried every 30 minutes at a server without it.
#[divan::bench]
fn five_days_stripped(bencher: Bencher<'_, '_>) {
    let scenario = worlds::stripped();
    bencher.bench(|| worlds::run(&scenario, Crypto::Fast));
}
