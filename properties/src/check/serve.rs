//! Stateright's Explorer: the model in a browser, walked by hand, one step a click.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::str::FromStr;

use postern_model::mutant::Mutant;
use stateright::Model;

use super::Named;
use super::second::Second;

/// An address and a port of this machine itself, which no other can reach. The port 0 stands for any that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loopback(SocketAddr);

/// Why something is no [`Loopback`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoopbackError {
    /// It is no address with a port.
    #[error("write an address and a port of this machine, such as 127.0.0.1:3000 or [::1]:3000")]
    NotAnAddress,
    /// Others could reach it.
    #[error("{0} can be reached from other machines: only loopback is served, such as 127.0.0.1:3000")]
    Reachable(IpAddr),
}

impl FromStr for Loopback {
    type Err = LoopbackError;

    fn from_str(text: &str) -> Result<Self, LoopbackError> {
        let address: SocketAddr = text.parse().map_err(|_| LoopbackError::NotAnAddress)?;
        match address.ip() {
            ip if ip.is_loopback() => Ok(Self(address)),
            ip => Err(LoopbackError::Reachable(ip)),
        }
    }
}

/// Why the Explorer cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken, or not for everybody.
    #[error("cannot listen on {address}: {why}; name another port, or 0 for any that is free")]
    CannotListen {
        /// The address and the port.
        address: SocketAddr,
        /// What the system says.
        why: std::io::Error,
    },
    /// The server ended, which it does not do by itself.
    #[error("the server of the explorer ended")]
    Ended,
}

/// Serves the Explorer of one configuration until the process ends, on so many threads once it is asked to walk by itself.
/// `ready` hears where to look.
///
/// # Errors
/// When there is nothing to listen on.
pub fn serve(
    named: &Named,
    mutant: Option<Mutant>,
    threads: usize,
    at: Loopback,
    ready: impl FnOnce(SocketAddr),
) -> Result<Infallible, ServeError> {
    // Stateright would panic where it cannot listen, and does not tell which free port it got: so this asks first.
    let free = TcpListener::bind(at.0).and_then(|listener| listener.local_addr());
    let address = free.map_err(|why| ServeError::CannotListen { address: at.0, why })?;
    ready(address);
    let model = Second::judged(named, mutant);
    let _ = model.checker().threads(threads).serve(address);
    Err(ServeError::Ended)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::mpsc;

    use super::super::Bounds;
    use super::*;

    #[test]
    fn only_loopback_is_served() {
        for fine in ["127.0.0.1:3000", "127.8.7.6:1", "[::1]:3000", "127.0.0.1:0"] {
            assert!(fine.parse::<Loopback>().is_ok(), "{fine}");
        }
        for (elsewhere, ip) in [
            ("0.0.0.0:3000", "0.0.0.0"),
            ("192.0.2.1:3000", "192.0.2.1"),
            ("[::]:3000", "::"),
            ("[2001:db8::1]:3000", "2001:db8::1"),
        ] {
            let ip = ip.parse().expect("an address");
            assert_eq!(elsewhere.parse::<Loopback>(), Err(LoopbackError::Reachable(ip)));
        }
        for wrong in ["", "3000", "127.0.0.1", "localhost:3000", "127.0.0.1:66000"] {
            assert_eq!(wrong.parse::<Loopback>(), Err(LoopbackError::NotAnAddress), "{wrong}");
        }
    }

    #[test]
    fn a_port_that_is_taken_is_refused() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = taken.local_addr().expect("it has an address");
        let at = Loopback(address);
        let named = &Bounds::Small.configurations()[0];
        let refused = serve(named, None, 1, at, |_| panic!("nothing is ready")).expect_err("the port is taken");
        assert!(
            refused
                .to_string()
                .starts_with(&format!("cannot listen on {address}: "))
        );
    }

    #[test]
    fn the_page_and_the_first_steps_are_served() {
        let (tell, ready) = mpsc::channel();
        // It ends with the process.
        std::thread::spawn(move || {
            let named = &Bounds::Small.configurations()[0];
            let at = Loopback(SocketAddr::from(([127, 0, 0, 1], 0)));
            serve(named, None, 1, at, |address| {
                tell.send(address).expect("the test listens");
            })
        });
        let address = ready.recv().expect("it is served");
        assert!(get(address, "/").contains("Stateright Explorer"));
        assert!(get(address, "/.status").contains("no monitor convicts"));
        let steps = get(address, "/.states/0");
        assert!(steps.contains("m1 is handed in"), "{steps}");
        assert!(steps.contains("m1 to b.example: asks DNS next"), "{steps}");
    }

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                // Where to look is told just before it is served.
                Err(_) => std::thread::yield_now(),
            }
        };
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}
