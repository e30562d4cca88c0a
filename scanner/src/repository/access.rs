//! How to get at a remote repository: with which credentials, by which way, trusting which host keys.

use std::net::IpAddr;

use git2::{CertificateCheckStatus, ErrorClass, ErrorCode, ProxyOptions, RemoteCallbacks};
use url::Url;

use super::host_key::{HostKeys, Trust};
use super::{Credentials, RemoteUrl};

/// Servers ask again after a refusal; more answers than this cannot help.
const CREDENTIAL_TRIES: u32 = 4;

/// Credentials and way for one fetch. The default is neither, over the machine's own proxy if it has one.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What the server may ask for.
    pub credentials: Credentials,
    /// An HTTP proxy that every HTTP(S) connection goes through, in place of the machine's own.
    pub proxy: Option<String>,
    /// For ssh and git: the address that is connected to, whatever the name resolves to.
    pub pinned: Option<IpAddr>,
    /// Which SSH host keys are trusted.
    pub host_keys: HostKeys,
}

impl From<Credentials> for Access {
    fn from(credentials: Credentials) -> Self {
        Self { credentials, ..Self::default() }
    }
}

impl Access {
    /// The address as libgit2 is told it.
    pub(super) fn address(&self, url: &RemoteUrl) -> String {
        let mut address = url.url().clone();
        if let Some(pinned) = self.pinned.filter(|_| matches!(address.scheme(), "ssh" | "git")) {
            // it refuses addresses without a host only, which are no `RemoteUrl`
            let _ = address.set_ip_host(pinned);
        }
        address.into()
    }

    pub(super) fn proxy(&self) -> ProxyOptions<'static> {
        let mut options = ProxyOptions::new();
        match &self.proxy {
            Some(proxy) => options.url(proxy),
            None => options.auto(),
        };
        options
    }

    pub(super) fn callbacks<'a>(&'a self, url: &'a RemoteUrl) -> RemoteCallbacks<'a> {
        let mut tries = 0;
        let address = self.address(url);
        let host = Url::parse(&address).ok().and_then(|address| address.host_str().map(str::to_owned));
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(move |asking, username, allowed| {
            tries += 1;
            if tries > CREDENTIAL_TRIES {
                return Err(refused("the server refused the credentials"));
            }
            // A redirect must not carry the credentials to another host.
            let same_host = Url::parse(asking).is_ok_and(|asking| asking.host_str() == host.as_deref());
            if !same_host {
                return Err(refused("redirected to another host, which gets no credentials"));
            }
            answer(&self.credentials, username, allowed, tries)
        });
        callbacks.certificate_check(|certificate, _| match certificate.as_hostkey() {
            // TLS is libgit2's own business
            None => Ok(CertificateCheckStatus::CertificatePassthrough),
            Some(shown) => {
                let key = shown.hostkey().ok_or_else(|| refused("the server shows no whole host key"))?;
                let (host, port) = (url.url().host_str().unwrap_or_default(), url.url().port().unwrap_or(22));
                match self.host_keys.trust(host, port, key) {
                    Trust::Known => Ok(CertificateCheckStatus::CertificateOk),
                    Trust::Unknown => Err(refused("the server's host key is not known: add it to known_hosts")),
                    Trust::Changed => Err(refused("the server's host key is not the known one")),
                    Trust::Revoked => Err(refused("the server's host key is revoked")),
                }
            }
        });
        callbacks
    }
}

fn refused(reason: &str) -> git2::Error {
    git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, reason)
}

fn answer(
    credentials: &Credentials,
    username: Option<&str>,
    allowed: git2::CredentialType,
    tries: u32,
) -> Result<git2::Cred, git2::Error> {
    use git2::{Cred, CredentialType};
    let user = credentials.username.as_deref().or(username).unwrap_or("git");
    if allowed.contains(CredentialType::USERNAME) {
        return Cred::username(user);
    }
    if allowed.contains(CredentialType::SSH_MEMORY) || allowed.contains(CredentialType::SSH_KEY) {
        if let Some(key) = credentials.ssh_key.as_deref() {
            return Cred::ssh_key_from_memory(
                user,
                None,
                key,
                credentials.ssh_passphrase.as_deref().map(String::as_str),
            );
        }
        if credentials.ssh_agent && tries <= 2 {
            return Cred::ssh_key_from_agent(user);
        }
    }
    match &credentials.password {
        Some(password) if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => {
            Cred::userpass_plaintext(user, password)
        }
        _ => Err(refused("the server asks for credentials, and none were given that it takes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Origin;

    #[test]
    fn ssh_and_git_are_pinned_and_http_is_not() {
        let address = |text: &str, ip: &str| {
            let (Origin::Remote(url), _) = Origin::parse(text).unwrap() else { panic!("{text} is no address") };
            Access { pinned: Some(ip.parse().unwrap()), ..Access::default() }.address(&url)
        };
        for (url, ip, expected) in [
            ("git@git.example.org:a/b", "192.0.2.7", "ssh://git@192.0.2.7/a/b"),
            ("ssh://git@git.example.org:2222/a", "2001:db8::1", "ssh://git@[2001:db8::1]:2222/a"),
            ("git://git.example.org/a", "192.0.2.7", "git://192.0.2.7/a"),
            // a certificate is about the name: the proxy pins these
            ("https://git.example.org/a", "192.0.2.7", "https://git.example.org/a"),
        ] {
            assert_eq!(address(url, ip), expected, "{url}");
        }
    }
}
