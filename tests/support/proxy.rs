//! A proxy between the application and Postgres that can lose data and connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// The behaviour of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Forwards everything.
    Pass,
    /// Forwards nothing and closes nothing, like a host that has become unreachable.
    Hang,
    /// Closes every connection.
    Refuse,
    /// Drops the next COMMIT and closes its connection.
    LoseCommit,
    /// Forwards the next COMMIT, drops its response, and closes its connection.
    LoseAnswer,
    /// As [`Mode::LoseAnswer`], and then closes every connection.
    LoseAnswerAndRefuse,
}

const MODES: [Mode; 6] =
    [Mode::Pass, Mode::Hang, Mode::Refuse, Mode::LoseCommit, Mode::LoseAnswer, Mode::LoseAnswerAndRefuse];
const PAUSE: Duration = Duration::from_millis(5);

/// A proxy on a port of its own.
pub struct Proxy {
    pub port: u16,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    /// Starts a proxy to this port.
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let mode = Arc::new(AtomicU8::new(Mode::Pass as u8));
        let shared = Arc::clone(&mode);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let (there, back) = (Arc::clone(&shared), Arc::clone(&shared));
                let (from, to) = (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
                std::thread::spawn(move || forward(from, to, &there, true));
                std::thread::spawn(move || forward(server, client, &back, false));
            }
        });
        Self { port, mode }
    }

    /// Returns the URL of a database by way of this proxy.
    pub fn url(&self, url: &str) -> String {
        let (before, after) = url.split_once("127.0.0.1:").expect("a local address");
        let (_, path) = after.split_once('/').expect("a database");
        format!("{before}127.0.0.1:{}/{path}", self.port)
    }

    /// Sets the mode from now on.
    pub fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    /// Returns the present mode.
    pub fn mode(&self) -> Mode {
        MODES[usize::from(self.mode.load(Ordering::SeqCst))]
    }
}

fn current_mode(mode: &AtomicU8) -> Mode {
    MODES[usize::from(mode.load(Ordering::SeqCst))]
}

/// Forwards bytes until one side closes or the mode ends the connection.
fn forward(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8, to_server: bool) {
    let mut buffer = vec![0; 65_536];
    from.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    loop {
        match current_mode(mode) {
            Mode::Hang => {
                std::thread::sleep(PAUSE);
                continue;
            }
            Mode::Refuse => break,
            _ => {}
        }
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => break,
        };
        let bytes = &buffer[..count];
        let commits = to_server && bytes.windows(8).any(|part| part == b"; COMMIT");
        let next = match current_mode(mode) {
            Mode::LoseCommit if commits => Some((false, Mode::Pass)),
            Mode::LoseAnswer if commits => Some((true, Mode::Pass)),
            Mode::LoseAnswerAndRefuse if commits => Some((true, Mode::Refuse)),
            Mode::Hang => {
                // The bytes just read are held until the mode changes.
                while current_mode(mode) == Mode::Hang {
                    std::thread::sleep(PAUSE);
                }
                None
            }
            _ => None,
        };
        let Some((arrives, then)) = next else {
            if to.write_all(bytes).is_err() {
                break;
            }
            continue;
        };
        mode.store(then as u8, Ordering::SeqCst);
        // The client is disconnected first, so that it cannot see the response.
        let _ = from.shutdown(Shutdown::Both);
        if arrives {
            let _ = to.write_all(bytes);
            // The server must read the COMMIT before it notices that the connection is closed.
            std::thread::sleep(Duration::from_millis(300));
        }
        break;
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
