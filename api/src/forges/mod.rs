//! Forges (GitHub, GitLab, Gitea, Forgejo, Bitbucket Cloud) behind one trait.
