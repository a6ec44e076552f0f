use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use postern_model::trace;
use rand::RngCore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::clock::{simulated_now, simulated_place};
use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 25)), 25);
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

type Log<T> = Rc<RefCell<Vec<T>>>;

/// A world whose server sends back all that it reads.
fn world_with_echo() -> Simulation {
    let mut simulation = Simulation::new(7);
    simulation.host("server", SERVER.ip(), echo);
    simulation
}

async fn echo(door: Door) {
    let listener = door.listen(SERVER.port()).await.unwrap();
    loop {
        let mut stream = listener.accept().await.unwrap();
        door.spawn(async move {
            let mut buffer = [0; 64];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                stream.write_all(&buffer[..count]).await.unwrap();
            }
        });
    }
}

fn run_to_the_end(simulation: &mut Simulation) {
    assert_eq!(simulation.run(|| false, DAY, 10_000), Ok(End::Horizon));
}

/// The hash of a world in which a client says this.
fn hash_of_saying(text: &'static [u8]) -> String {
    let mut simulation = world_with_echo();
    simulation.host("client", CLIENT, move |door| async move {
        let connection = door.network().next_connection();
        let mut stream = door.dial(connection, SERVER).await.unwrap();
        stream.write_all(text).await.unwrap();
        stream.read_exact(&mut vec![0; text.len()]).await.unwrap();
    });
    run_to_the_end(&mut simulation);
    simulation.network().wire_hash()
}

#[test]
fn five_idle_days_with_a_wake_every_half_hour_take_few_steps() {
    let mut simulation = Simulation::new(1);
    for number in 1..=6 {
        simulation.host("host", [10, 0, 0, number].into(), |door| async move {
            loop {
                door.sleep(Duration::from_secs(1800)).await;
            }
        });
    }
    assert_eq!(simulation.run(|| false, 5 * DAY, 1000), Ok(End::Horizon));
    assert_eq!(simulation.network().now(), 5 * DAY);
    assert!(simulation.steps() <= 2 * 240 + 3, "{} steps", simulation.steps());
}

#[test]
fn timers_of_all_hosts_fire_at_their_deadlines_and_in_their_order() {
    let fired: Log<(Duration, &str)> = Log::default();
    let mut simulation = world_with_echo();
    let seconds = Duration::from_secs;
    let waits = [
        ("late", seconds(90)),
        ("early", seconds(30) + Duration::from_nanos(1)),
        ("earliest", seconds(30)),
        ("busy", Duration::from_millis(3)),
    ];
    for (number, (name, wait)) in (1..).zip(waits) {
        let fired = Rc::clone(&fired);
        simulation.host(name, [10, 0, 0, number].into(), move |door| async move {
            door.sleep(wait).await;
            fired.borrow_mut().push((door.now(), name));
        });
    }
    run_to_the_end(&mut simulation);
    let in_order = [waits[3], waits[2], waits[1], waits[0]];
    assert_eq!(*fired.borrow(), in_order.map(|(name, wait)| (wait, name)));
}

#[test]
fn a_sleep_of_no_time_still_lets_the_world_take_a_step() {
    let mut simulation = Simulation::new(1);
    simulation.host("spinner", CLIENT, |door| async move {
        loop {
            door.sleep(Duration::ZERO).await;
        }
    });
    assert_eq!(simulation.run(|| false, DAY, 100), Err(SimulationError::NeverIdle(100)));
}

#[test]
fn a_round_trip_takes_one_tick_whoever_has_the_first_turn() {
    for client_first in [true, false] {
        let seen: Log<Duration> = Log::default();
        let mut simulation = Simulation::new(7);
        let log = Rc::clone(&seen);
        let client = move |door: Door| async move {
            door.sleep(Duration::from_secs(60)).await;
            let connection = door.network().next_connection();
            let mut stream = door.dial(connection, SERVER).await.unwrap();
            let started = door.now();
            stream.write_all(b"hello").await.unwrap();
            stream.read_exact(&mut [0; 5]).await.unwrap();
            log.borrow_mut().push(door.now() - started);
        };
        if client_first {
            simulation.host("client", CLIENT, client);
            simulation.host("server", SERVER.ip(), echo);
        } else {
            simulation.host("server", SERVER.ip(), echo);
            simulation.host("client", CLIENT, client);
        }
        run_to_the_end(&mut simulation);
        assert_eq!(*seen.borrow(), [TICK]);
    }
}

#[test]
fn a_host_on_demand_starts_when_it_is_dialled_and_not_before() {
    let started: Log<Duration> = Log::default();
    let mut simulation = Simulation::new(7);
    let log = Rc::clone(&started);
    simulation.host_on_demand("server", SERVER.ip(), move |door| {
        log.borrow_mut().push(door.now());
        echo(door)
    });
    simulation.host("client", CLIENT, |door| async move {
        door.sleep(HOUR).await;
        // Two at once, neither of which finds it there.
        let dials = [1, 2].map(|number| {
            let own = door.clone();
            door.spawn(async move {
                let mut stream = own.dial(ConnectionId(number), SERVER).await.unwrap();
                stream.write_all(b"hello").await.unwrap();
                stream.read_exact(&mut [0; 5]).await.unwrap();
            })
        });
        for dial in dials {
            dial.await;
        }
        assert!(door.now() <= HOUR + 3 * TICK, "{:?}", door.now());
    });
    run_to_the_end(&mut simulation);
    assert_eq!(*started.borrow(), [HOUR]);
}

#[test]
fn the_wire_hash_is_the_same_for_the_same_octets_and_only_for_those() {
    assert_eq!(hash_of_saying(b"hello"), hash_of_saying(b"hello"));
    assert_ne!(hash_of_saying(b"hello"), hash_of_saying(b"hallo"));
}

#[test]
fn the_wire_hash_covers_what_a_host_sends_to_itself() {
    let hash = |text: &'static [u8]| {
        let mut simulation = Simulation::new(7);
        simulation.host("loop", CLIENT, move |door| async move {
            let listener = door.listen(25).await.unwrap();
            let dialler = door.clone();
            door.spawn(async move {
                let connection = dialler.network().next_connection();
                let mut stream = dialler.dial(connection, (CLIENT, 25).into()).await.unwrap();
                stream.write_all(text).await.unwrap();
            });
            let mut stream = listener.accept().await.unwrap();
            assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), text.len());
        });
        run_to_the_end(&mut simulation);
        simulation.network().wire_hash()
    };
    assert_ne!(hash(b"hello"), hash(b"hallo"));
}

#[test]
fn a_panic_in_a_spawned_task_ends_the_run_and_says_where() {
    let mut simulation = Simulation::new(1);
    simulation.host("mx1", CLIENT, |door| async move {
        door.spawn(async { panic!("out of paper") });
    });
    let error = SimulationError::Panicked("mx1: out of paper".to_owned());
    assert_eq!(simulation.run(|| false, DAY, 100), Err(error));
}

#[test]
fn a_panic_in_the_software_of_a_host_ends_the_run() {
    let mut simulation = Simulation::new(1);
    simulation.host("mx1", CLIENT, |_| async { panic!("out of paper") });
    let error = SimulationError::Panicked("mx1: out of paper".to_owned());
    assert_eq!(simulation.run(|| false, DAY, 100), Err(error));
}

#[test]
fn a_dial_is_refused_where_nobody_listens_and_where_nobody_is() {
    let outcome: Log<io::ErrorKind> = Log::default();
    let mut simulation = world_with_echo();
    let log = Rc::clone(&outcome);
    simulation.host("client", CLIENT, move |door| async move {
        for to in [SocketAddr::new(SERVER.ip(), 26), "198.51.100.1:25".parse().unwrap()] {
            let connection = door.network().next_connection();
            let refused = door.dial(connection, to).await.map(drop).unwrap_err();
            log.borrow_mut().push(refused.kind());
        }
    });
    run_to_the_end(&mut simulation);
    assert_eq!(*outcome.borrow(), [io::ErrorKind::ConnectionRefused; 2]);
}

#[test]
fn both_ends_know_the_connection_even_after_a_dial_was_given_up() {
    let accepted: Log<ConnectionId> = Log::default();
    let mut simulation = Simulation::new(1);
    let log = Rc::clone(&accepted);
    simulation.host("server", SERVER.ip(), move |door| async move {
        let listener = door.listen(SERVER.port()).await.unwrap();
        // Busy while the first dial waits and is given up.
        door.sleep(Duration::from_secs(20)).await;
        loop {
            let stream = listener.accept().await.unwrap();
            log.borrow_mut().push(stream.wire().connection());
        }
    });
    simulation.host("client", CLIENT, |door| async move {
        let network = door.network();
        let given_up = door.dial(network.next_connection(), SERVER);
        assert!(door.timeout(Duration::from_secs(10), given_up).await.is_err());
        for _ in 0..2 {
            let connection = network.next_connection();
            let stream = door.dial(connection, SERVER).await.unwrap();
            assert_eq!(stream.wire().connection(), connection);
        }
    });
    run_to_the_end(&mut simulation);
    assert_eq!(*accepted.borrow(), [ConnectionId(1), ConnectionId(2)]);
}

#[test]
fn the_acceptor_learns_when_the_dialler_has_read() {
    let progress: Log<(Duration, DiallerProgress)> = Log::default();
    let mut simulation = Simulation::new(1);
    let log = Rc::clone(&progress);
    simulation.host("server", SERVER.ip(), move |door| async move {
        let listener = door.listen(SERVER.port()).await.unwrap();
        let mut stream = listener.accept().await.unwrap();
        let clock = door.clone();
        stream
            .wire()
            .watch_dialler(move |progress| log.borrow_mut().push((clock.now(), progress)));
        stream.write_all(b"220 mx1\r\n").await.unwrap();
        assert_eq!(stream.wire().written(trace::End::Acceptor), 9);
        door.sleep(DAY).await;
    });
    simulation.host("client", CLIENT, |door| async move {
        let connection = door.network().next_connection();
        let mut stream = door.dial(connection, SERVER).await.unwrap();
        door.sleep_until(Duration::from_secs(5)).await;
        stream.read_exact(&mut [0; 4]).await.unwrap();
        door.sleep_until(Duration::from_secs(8)).await;
    });
    run_to_the_end(&mut simulation);
    let expected = [
        (Duration::from_secs(5), DiallerProgress::Read(4)),
        (Duration::from_secs(8), DiallerProgress::Closed),
    ];
    assert_eq!(*progress.borrow(), expected);
}

#[test]
fn a_stream_dropped_with_unread_octets_resets_the_connection() {
    let outcome: Log<io::ErrorKind> = Log::default();
    let mut simulation = Simulation::new(1);
    simulation.host("server", SERVER.ip(), |door| async move {
        let listener = door.listen(SERVER.port()).await.unwrap();
        let stream = listener.accept().await.unwrap();
        door.sleep(Duration::from_secs(1)).await;
        drop(stream);
    });
    let log = Rc::clone(&outcome);
    simulation.host("client", CLIENT, move |door| async move {
        let connection = door.network().next_connection();
        let mut stream = door.dial(connection, SERVER).await.unwrap();
        stream.write_all(b"EHLO a.example\r\n").await.unwrap();
        let error = stream.read(&mut [0; 64]).await.unwrap_err();
        log.borrow_mut().push(error.kind());
    });
    run_to_the_end(&mut simulation);
    assert_eq!(*outcome.borrow(), [io::ErrorKind::ConnectionReset]);
}

#[test]
fn a_hundred_connections_at_once_are_all_accepted() {
    let done: Log<u8> = Log::default();
    let mut simulation = world_with_echo();
    let log = Rc::clone(&done);
    simulation.host("client", CLIENT, move |door| async move {
        let dials = (0..100).map(|number| {
            let (own, log) = (door.clone(), Rc::clone(&log));
            door.spawn(async move {
                let connection = own.network().next_connection();
                let mut stream = own.dial(connection, SERVER).await.unwrap();
                stream.write_all(&[number]).await.unwrap();
                let echoed = stream.read_u8().await.unwrap();
                log.borrow_mut().push(echoed);
            })
        });
        for dial in dials.collect::<Vec<_>>() {
            dial.await;
        }
    });
    run_to_the_end(&mut simulation);
    assert_eq!(*done.borrow(), (0..100).collect::<Vec<_>>());
}

#[test]
fn datagrams_cross_and_count_for_the_hash() {
    let hash = |payload: &'static [u8]| {
        let received: Log<Vec<u8>> = Log::default();
        let mut simulation = Simulation::new(1);
        let log = Rc::clone(&received);
        simulation.host("server", SERVER.ip(), move |door| async move {
            let socket = door.datagrams(53).await.unwrap();
            let mut buffer = [0; 512];
            let (count, from) = socket.receive_from(&mut buffer).await.unwrap();
            assert_eq!(from.ip(), CLIENT);
            log.borrow_mut().push(buffer[..count].to_vec());
        });
        simulation.host("client", CLIENT, move |door| async move {
            let socket = door.datagrams(0).await.unwrap();
            socket.send_to(payload, (SERVER.ip(), 53).into()).await.unwrap();
            door.sleep(DAY).await;
        });
        run_to_the_end(&mut simulation);
        assert_eq!(*received.borrow(), [payload]);
        simulation.network().wire_hash()
    };
    assert_ne!(hash(b"one"), hash(b"two"));
}

#[test]
fn foreign_timers_follow_simulated_time_while_foreign_code_runs() {
    let outcome: Log<Duration> = Log::default();
    let mut simulation = Simulation::new(1);
    let log = Rc::clone(&outcome);
    simulation.host("client", CLIENT, move |door| async move {
        door.sleep(Duration::from_secs(3600)).await;
        let started = door.now();
        let foreign = door.foreign_code();
        #[expect(clippy::disallowed_methods, reason = "this plays foreign code")]
        tokio::time::sleep(Duration::from_secs(300)).await;
        log.borrow_mut().push(door.now() - started);
        drop(foreign);
        door.sleep(Duration::from_secs(3600)).await;
    });
    run_to_the_end(&mut simulation);
    let waited = outcome.borrow()[0];
    let allowed = Duration::from_secs(298)..Duration::from_secs(302);
    assert!(allowed.contains(&waited), "{waited:?}");
    assert!(simulation.steps() < 1000, "{} steps", simulation.steps());
}

#[test]
fn a_run_ends_when_what_was_waited_for_has_come() {
    let done = Rc::new(Cell::new(false));
    let mut simulation = Simulation::new(1);
    let own = Rc::clone(&done);
    simulation.host("host", CLIENT, move |door| async move {
        door.sleep(Duration::from_secs(10)).await;
        own.set(true);
        door.sleep(DAY).await;
    });
    assert_eq!(simulation.run(|| done.get(), DAY, 1000), Ok(End::Finished));
    assert_eq!(simulation.network().now(), Duration::from_secs(10));
}

#[test]
fn the_thread_knows_the_time_and_whose_code_is_running() {
    let places: Log<(Option<Duration>, Option<clock::Place>)> = Log::default();
    let mut simulation = Simulation::new(1);
    let log = Rc::clone(&places);
    simulation.host("mx1", CLIENT, move |door| async move {
        door.sleep(Duration::from_secs(1)).await;
        let door = door.for_connection(ConnectionId(4));
        door.spawn(async move {
            log.borrow_mut().push((simulated_now(), simulated_place()));
        });
    });
    run_to_the_end(&mut simulation);
    let place = clock::Place {
        host: "mx1".into(),
        connection: Some(ConnectionId(4)),
        clock: Rc::default(),
    };
    assert_eq!(*places.borrow(), [(Some(Duration::from_secs(1)), Some(place))]);
    drop(simulation);
    assert_eq!((simulated_now(), simulated_place()), (None, None));
}

#[test]
fn a_wall_clock_leaps_for_its_own_host_alone_and_disturbs_no_wait() {
    let shown: Log<(Duration, Duration, Duration)> = Log::default();
    let mut simulation = Simulation::new(1);
    for (number, name) in (1..).zip(["mx1", "mx2"]) {
        let log = Rc::clone(&shown);
        simulation.host(name, [10, 0, 0, number].into(), move |door| async move {
            door.sleep(HOUR).await;
            let by_place = clock::wall_clock();
            log.borrow_mut().push((door.now(), door.wall_clock(), by_place));
        });
    }
    let network = simulation.network();
    network.set_clock("mx1", Clock::Behind(DAY));
    run_to_the_end(&mut simulation);
    let start = Duration::from_secs(clock::EPOCH_SECONDS);
    let [leapt, right] = [start + HOUR - DAY, start + HOUR].map(|shown| (HOUR, shown, shown));
    assert_eq!(*shown.borrow(), [leapt, right]);
}

#[test]
fn each_purpose_of_each_host_has_a_stream_of_randomness_of_its_own() {
    let drawn: Log<u64> = Log::default();
    let mut simulation = Simulation::new(1);
    for (number, name) in (1..).zip(["mx1", "mx2"]) {
        let log = Rc::clone(&drawn);
        simulation.host(name, [10, 0, 0, number].into(), move |door| async move {
            for purpose in ["jitter", "order", "order"] {
                log.borrow_mut().push(door.random(purpose).next_u64());
            }
        });
    }
    run_to_the_end(&mut simulation);
    let mut drawn = drawn.take();
    assert_eq!(drawn[1], drawn[2]);
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 4);
}
