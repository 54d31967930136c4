//! Routes: where and how a server is reached, as plain data. A connector (`dial::connect`) acts on
//! one; whoever orders them is somebody else.

use veche_wire::ServerAddress;

/// The path at which a server takes WebSocket connections.
pub const PATH: &str = "/veche";

/// What carries the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// A WebSocket straight over TCP; one binary message for each message of the session.
    WebSocket,
}

/// One way to a server. Which key must answer is not part of it: all routes lead to the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    /// What carries the session.
    pub transport: Transport,
    /// A name or address; IPv6 in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Where the WebSocket is, beginning with a slash.
    pub path: String,
}

impl Route {
    /// The way that the address itself names.
    #[must_use]
    pub fn direct(address: &ServerAddress) -> Self {
        Self {
            transport: Transport::WebSocket,
            host: address.host.clone(),
            port: address.port,
            path: PATH.to_owned(),
        }
    }

    /// The URL of the WebSocket.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}:{}{}", self.host, self.port, self.path)
    }

    /// `HOST:PORT`, for messages to people.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direct_route_is_the_place_in_the_address() {
        let address = ServerAddress { host: "[::1]".into(), port: 7777, key: [0; 32] };
        let route = Route::direct(&address);
        assert_eq!(route.url(), "ws://[::1]:7777/veche");
        assert_eq!(route.place(), "[::1]:7777");
    }
}
