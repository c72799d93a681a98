//! How a store is named on the command line, and how it is opened then.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use domain::store::Walk;
use stores::cassandra::{self, Cassandra};
use stores::embedded::{self, Embedded};

use crate::command::Failure;
use crate::config;

/// Which store.
#[derive(Debug)]
pub(super) enum At {
    Embedded(PathBuf),
    Cassandra(Box<cassandra::Options>),
}

const FORMS: &str = "a store is embedded:DIR or cassandra:HOST[:PORT][,HOST...]/KEYSPACE";

impl At {
    /// What a flag says; how a ring is reached stands in the config.
    pub(super) fn parse(flag: &str, text: &str, config: Option<&Path>) -> Result<Self, Failure> {
        let wrong = |reason: &str| Failure::Usage(format!("{flag}: {reason}"));
        match text.split_once(':') {
            Some(("embedded", folder)) if !folder.is_empty() => {
                let folder = std::path::absolute(folder);
                folder.map(Self::Embedded).map_err(|error| wrong(&error.to_string()))
            }
            Some(("cassandra", ring)) => {
                let (points, keyspace) = ring
                    .rsplit_once('/')
                    .ok_or_else(|| wrong(&format!("{text:?} names no keyspace; {FORMS}")))?;
                let options = config::ring(config, points, keyspace)
                    .map_err(|fault| wrong(&fault.to_string()))?;
                Ok(Self::Cassandra(Box::new(options)))
            }
            _ => Err(wrong(&format!("{text:?} is no store; {FORMS}"))),
        }
    }

    /// Whether both are of one kind.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Embedded(_), Self::Embedded(_)) | (Self::Cassandra(_), Self::Cassandra(_))
        )
    }

    /// Opens a store that is there.
    pub(super) async fn open(&self) -> anyhow::Result<Arc<dyn Walk>> {
        let is_there = match self {
            Self::Embedded(folder) => embedded::is_there(folder),
            Self::Cassandra(options) => Cassandra::is_there(options).await?,
        };
        ensure!(is_there, "there is no store at {self}: nothing to copy");
        self.open_or_make().await
    }

    /// Opens a store, or makes an empty one.
    pub(super) async fn open_or_make(&self) -> anyhow::Result<Arc<dyn Walk>> {
        let store: Arc<dyn Walk> = match self {
            Self::Embedded(folder) => Arc::new(Embedded::open(&embedded::Options::new(folder))?),
            Self::Cassandra(options) => Arc::new(Cassandra::open((**options).clone()).await?),
        };
        store.ready().with_context(|| format!("{self} is not ready"))?;
        Ok(store)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(folder) => write!(f, "embedded:{}", folder.display()),
            Self::Cassandra(options) => {
                let cassandra::Options { contact_points, keyspace, .. } = &**options;
                write!(f, "cassandra:{}/{keyspace}", contact_points.join(","))
            }
        }
    }
}
