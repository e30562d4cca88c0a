//! Servers that are slow, broken, gone, or do not know the token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::command::{World, told};

/// A way to the real server on which the first connections break: some before the request is read, the others after.
async fn breaking(to: String, breaks: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let to = to.clone();
            tokio::spawn(async move {
                if number < breaks {
                    if number % 2 == 1 {
                        let mut first = [0; 64];
                        drop(tokio::io::AsyncReadExt::read(&mut near, &mut first).await);
                    }
                    // without lingering the peer sees a reset
                    near.set_zero_linger().expect("a socket option");
                    return;
                }
                if let Ok(mut far) = TcpStream::connect(&to).await {
                    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                    drop(far.shutdown().await);
                }
            });
        }
    });
    (address, seen)
}

/// A server that answers everything alike.
async fn answering(status: StatusCode, body: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = Router::new().fallback(move || async move { (status, body) });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_are_tried_again() {
    let world = World::new().await;
    world.work.commit("README.md", "hello\n");
    let (address, seen) = breaking(world.running.server.address.to_string(), 3).await;
    let (code, out, err) = told(&world.gate(&address, &[], &[]));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(seen.load(Ordering::SeqCst) > 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_is_exit_4_and_closed_unless_told_to_warn() {
    let world = World::new().await;
    world.work.commit("README.md", "hello\n");
    let broken = answering(StatusCode::INTERNAL_SERVER_ERROR, "oops").await;
    let foreign = answering(StatusCode::OK, "<html>a captive portal</html>").await;
    let gone = "http://127.0.0.1:1".to_owned();
    for (name, address) in [("5xx", &broken), ("no JSON", &foreign), ("nobody listens", &gone)] {
        let (code, out, err) = told(&world.gate(address, &[], &[]));
        assert_eq!((code, out.as_str()), (Some(4), ""), "{name}: {err}");
        assert!(err.contains(address.as_str()), "{name}: {err}");
        let (code, out, err) = told(&world.gate(address, &["--on-error", "warn"], &[]));
        assert_eq!((code, out.as_str()), (Some(0), ""), "{name}: {err}");
        assert!(err.contains("--on-error warn"), "{name}: {err}");
    }
    let environment = [("SECRETARYBIRD_TOKEN", "sbird_wrong")];
    let (code, out, err) = told(&world.gate(&world.address(), &[], &environment));
    assert_eq!((code, out.as_str()), (Some(4), ""), "a wrong token: {err}");
    assert!(err.contains("401") && !err.contains("sbird_wrong"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn local_scans_on_the_spot_by_the_policy_that_the_server_last_told() {
    let mut world = World::new().await;
    world.work.commit("README.md", "hello\n");
    world.work.commit("requirements.txt", "acme-widgets==1.0\n");
    let osv = world.root.path().join("osv").display().to_string();
    let environment = [("SECRETARYBIRD_ADVISORIES", osv.as_str()), ("SECRETARYBIRD_OFFLINE", "true")];
    let gone = "http://127.0.0.1:1";
    let (code, out, err) = told(&world.gate(gone, &["--local"], &environment));
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("acme-widgets") && err.contains("own policy"), "{out}{err}");
    // the server told once; then it is away
    let address = world.address();
    assert_eq!(told(&world.gate(&address, &["--local"], &environment)).0, Some(1));
    let fresh = crate::running::Running::start().await;
    std::mem::replace(&mut world.running, fresh).server.shutdown().await;
    let (code, out, err) = told(&world.gate(&address, &["--local"], &environment));
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("the server last told"), "{err}");
    let (code, _, err) = told(&world.gate(&address, &["--local", "--fail-on", "none"], &environment));
    assert_eq!(code, Some(0), "{err}");
}
