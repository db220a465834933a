//! The command `plenary healthcheck`, which asks the running server whether it is ready. It serves containers
//! that have no HTTP client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::config::Config;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the configured server for `/readyz`. Returns `true` if it is ready, and prints the reason if it is
/// not.
pub fn is_ready(config: &Config) -> bool {
    match status_line(config) {
        Ok(status) if status.starts_with("HTTP/1.1 200") => true,
        Ok(status) => {
            super::print_error(&format!("not ready: {status}"));
            false
        }
        Err(error) => {
            super::print_error(&format!("no response from {}: {error}", config.listen));
            false
        }
    }
}

fn status_line(config: &Config) -> std::io::Result<String> {
    let address = config.local_address().map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
