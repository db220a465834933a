//! The HTTP framework: routes, the pipeline that every request passes, responses. It knows no endpoint.

pub mod access;
pub mod body;
pub mod cached_response;
pub mod chunked_body;
pub mod client_address;
mod common_headers;
pub mod cross_origin;
pub mod handler;
pub mod head;
pub mod internal_request;
pub mod metrics;
pub mod pipeline;
pub mod preconditions;
pub mod request;
mod request_id;
pub mod response;
pub mod route;
mod route_problems;
pub mod session_cookie;
pub mod unread_body;
pub mod upload;
