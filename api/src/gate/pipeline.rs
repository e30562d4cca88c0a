//! Which repository and commit a pipeline is about, from the environment variables of its CI system.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a pipeline knows about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pipeline {
    /// The CI system, for messages.
    pub system: Option<&'static str>,
    /// The repository's clone URL, without credentials.
    pub repository: Option<String>,
    /// The full commit id to judge.
    pub commit: Option<String>,
    /// The commit it is to be judged against, where the system says.
    pub base: Option<String>,
    /// The ref that the commit was reached by.
    pub reference: Option<String>,
}

/// Reads the environment, and the event that started a workflow of GitHub Actions. Unknown systems give an empty answer, which git may
/// then fill.
#[must_use]
pub fn detect(environment: &BTreeMap<String, String>, event: Option<&Value>) -> Pipeline {
    let get =
        |name: &str| environment.get(name).map(|text| text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let has = |name: &str| get(name).is_some();
    let found = if has("GITHUB_ACTIONS") {
        // docs.github.com, "Default environment variables". In a pull request GITHUB_SHA is a merge commit that exists only there: the
        // event names the head and what it is proposed to
        let said = |pointer: &str| event?.pointer(pointer)?.as_str().map(str::to_owned);
        let proposed = said("/pull_request/head/sha").or_else(|| said("/merge_group/head_sha"));
        Pipeline {
            system: Some("GitHub Actions"),
            repository: get("GITHUB_SERVER_URL")
                .zip(get("GITHUB_REPOSITORY"))
                .map(|(server, name)| format!("{}/{name}", server.trim_end_matches('/'))),
            reference: if proposed.is_some() {
                said("/pull_request/number")
                    .or_else(|| Some(event?.pointer("/pull_request/number")?.as_u64()?.to_string()))
                    .map(|number| format!("refs/pull/{number}/head"))
            } else {
                get("GITHUB_REF").filter(|name| name.starts_with("refs/heads/"))
            },
            commit: proposed.or_else(|| get("GITHUB_SHA")),
            base: said("/pull_request/base/sha").or_else(|| said("/merge_group/base_sha")),
        }
    } else if has("GITLAB_CI") {
        // docs.gitlab.com, "Predefined CI/CD variables"; a merge-request pipeline of merged results has its head beside
        Pipeline {
            system: Some("GitLab CI"),
            repository: get("CI_PROJECT_URL"),
            commit: get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| get("CI_COMMIT_SHA")),
            base: get("CI_MERGE_REQUEST_DIFF_BASE_SHA"),
            reference: get("CI_COMMIT_BRANCH")
                .or_else(|| get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"))
                .map(|branch| format!("refs/heads/{branch}")),
        }
    } else if has("BITBUCKET_BUILD_NUMBER") {
        // support.atlassian.com, "Variables and secrets", default variables
        Pipeline {
            system: Some("Bitbucket Pipelines"),
            repository: get("BITBUCKET_GIT_HTTP_ORIGIN"),
            commit: get("BITBUCKET_COMMIT"),
            base: get("BITBUCKET_PR_DESTINATION_COMMIT"),
            reference: get("BITBUCKET_BRANCH").map(|branch| format!("refs/heads/{branch}")),
        }
    } else if has("JENKINS_URL") {
        // plugins.jenkins.io/git, "Environment Variables"
        Pipeline {
            system: Some("Jenkins"),
            repository: get("GIT_URL"),
            commit: get("GIT_COMMIT"),
            base: None,
            reference: get("BRANCH_NAME").map(|branch| format!("refs/heads/{branch}")),
        }
    } else {
        Pipeline::default()
    };
    Pipeline { repository: found.repository.map(|url| without_credentials(&url)), ..found }
}

/// Jenkins and others put a token into the URL; it must not travel on.
#[must_use]
pub fn without_credentials(url: &str) -> String {
    match url.split_once("://").filter(|(scheme, _)| *scheme != "ssh") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ci_system_names_repository_and_commit() {
        /// system, its variables → repository, commit, base
        type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], Option<&'c str>, Option<&'c str>, Option<&'c str>);
        let cases: &[Case<'_>] = &[
            (
                "GitHub Actions",
                &[
                    ("GITHUB_ACTIONS", "true"),
                    ("GITHUB_SERVER_URL", "https://github.com"),
                    ("GITHUB_REPOSITORY", "acme/site"),
                    ("GITHUB_SHA", "ffac537e"),
                ],
                Some("https://github.com/acme/site"),
                Some("ffac537e"),
                None,
            ),
            (
                "GitLab CI",
                &[
                    ("GITLAB_CI", "true"),
                    ("CI_PROJECT_URL", "https://gitlab.com/acme/site"),
                    ("CI_COMMIT_SHA", "1ecfd275"),
                ],
                Some("https://gitlab.com/acme/site"),
                Some("1ecfd275"),
                None,
            ),
            (
                "GitLab CI",
                &[
                    ("GITLAB_CI", "true"),
                    ("CI_COMMIT_SHA", "merged"),
                    ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "head"),
                    ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "base"),
                ],
                None,
                Some("head"),
                Some("base"),
            ),
            (
                "GitLab CI",
                &[("GITLAB_CI", "true"), ("CI_COMMIT_SHA", "plain"), ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "")],
                None,
                Some("plain"),
                None,
            ),
            (
                "Bitbucket Pipelines",
                &[
                    ("BITBUCKET_BUILD_NUMBER", "7"),
                    ("BITBUCKET_GIT_HTTP_ORIGIN", "http://bitbucket.org/acme/site"),
                    ("BITBUCKET_COMMIT", "7f777ed9"),
                ],
                Some("http://bitbucket.org/acme/site"),
                Some("7f777ed9"),
                None,
            ),
            (
                "Jenkins",
                &[
                    ("JENKINS_URL", "https://ci"),
                    ("GIT_URL", "https://x@git.corp/acme/site.git"),
                    ("GIT_COMMIT", "ce9a3c14"),
                ],
                Some("https://git.corp/acme/site.git"),
                Some("ce9a3c14"),
                None,
            ),
        ];
        for (system, variables, repository, commit, base) in cases {
            let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let found = detect(&environment, None);
            assert_eq!(found.system, Some(*system));
            assert_eq!(found.repository.as_deref(), *repository, "{system}");
            assert_eq!(found.commit.as_deref(), *commit, "{system}");
            assert_eq!(found.base.as_deref(), *base, "{system}");
        }
        assert_eq!(detect(&BTreeMap::new(), None), Pipeline::default());
    }

    #[test]
    fn a_pull_request_is_about_its_head() {
        let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "merge"), ("GITHUB_REF", "refs/pull/7/merge")];
        let environment = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let event =
            serde_json::json!({"pull_request": {"number": 7, "head": {"sha": "head"}, "base": {"sha": "base"}}});
        let found = detect(&environment, Some(&event));
        assert_eq!(found.commit.as_deref(), Some("head"));
        assert_eq!(found.base.as_deref(), Some("base"));
        assert_eq!(found.reference.as_deref(), Some("refs/pull/7/head"));
        let pushed = detect(&environment, Some(&serde_json::json!({"before": "x"})));
        assert_eq!((pushed.commit.as_deref(), pushed.reference), (Some("merge"), None));
    }

    #[test]
    fn credentials_do_not_travel() {
        for (url, expected) in [
            ("https://x:y@host/a/b", "https://host/a/b"),
            ("https://host/a@b", "https://host/a@b"),
            ("git@host:a/b", "git@host:a/b"),
            ("ssh://git@host/a", "ssh://git@host/a"),
        ] {
            assert_eq!(without_credentials(url), expected);
        }
    }
}
