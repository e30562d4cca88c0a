//! A mirror behind a certificate authority of one's own.

use std::sync::Arc;

use advisories::feed::download::Network;
use advisories::feed::sync::Outcome;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::feeds::{archive, run_over};

/// The authority's certificate (PEM) and a server's configuration by it.
fn authority() -> (String, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&server_key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![server.der().clone()], key).unwrap();
    (pem, config)
}

fn serve(config: ServerConfig, body: Vec<u8>) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (listener, acceptor) =
                (tokio::net::TcpListener::from_std(listener).unwrap(), TlsAcceptor::from(Arc::new(config)));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // a client that does not trust us hangs up
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let text = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(&[text.as_bytes(), &body].concat()).await;
                let _ = stream.shutdown().await;
            }
        });
    });
    port
}

#[test]
fn only_who_trusts_the_authority_reads_the_mirror() {
    let (pem, config) = authority();
    let feeds = [format!("osv=https://localhost:{}/all.zip", serve(config, archive(5, "2.0")))];
    let folder = tempfile::tempdir().unwrap();
    let stranger = run_over(&Network::default(), folder.path(), &feeds, 1_000);
    assert!(stranger.is_err(), "{stranger:?}");
    let network = Network { ca: Some(pem.into_bytes()), ..Network::default() };
    let outcome = run_over(&network, folder.path(), &feeds, 2_000).unwrap();
    assert_eq!(outcome[0].1, Outcome::Updated { records: 5 });
    let no_pem = Network { ca: Some(b"no certificate".to_vec()), ..Network::default() };
    assert!(advisories::feed::download::client(&no_pem).is_err());
}
