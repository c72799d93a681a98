//! Taking possession of a folder: whose it is, which format it has, and that nobody else is in it.
//!
//! Nothing in a folder is touched before it is known to be ours, or empty.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::error::EngineError;
use heed::{EnvFlags, EnvOpenOptions};

use super::backup::is_half_restored;
use super::locks::{self, LOCK_FILE, OPENING_FILE, READING_FILE};
use super::tables::{TABLES, Tables};
use super::transaction::Env;

/// How much address space the data may take: 1 TiB. It is reserved, not used.
pub const MAP_SIZE_DEFAULT: usize = 1 << 40;

/// How many may read at the same time.
const READERS_MAX: u32 = 1_024;

/// The format that this program writes and reads. Format 1 had no tags; no version that was
/// released wrote it.
pub(super) const FORMAT: u32 = 2;

pub(super) const FORMAT_FILE: &str = "whowas.format";
pub(super) const FORMAT_FILE_NEW: &str = "whowas.format.new";
const FORMAT_MAGIC: &str = "whowas store, format ";
const FORMAT_LEN_MAX: usize = 64;
/// LMDB's own.
const READERS_FILE: &str = "lock.mdb";
/// What a freshly made file system holds.
pub(super) const LOST_AND_FOUND: &str = "lost+found";

/// What a process leaves behind that was killed before there was a store.
const MAY_BE_THERE: [&str; 5] =
    [FORMAT_FILE_NEW, LOCK_FILE, OPENING_FILE, READING_FILE, LOST_AND_FOUND];

/// Where the store is, and how large it may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Made if it is missing. It must not be on a network file system.
    pub folder: PathBuf,
    /// In bytes; a multiple of the machine's page size.
    pub map_size: usize,
}

impl Options {
    /// A store in this folder, of the default size.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), map_size: MAP_SIZE_DEFAULT }
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody has it open.
    #[error("the store in {} is in use by another process", folder.display())]
    InUse {
        /// Where it is.
        folder: PathBuf,
    },
    /// Somebody has it open whose process id may be ours.
    #[error(
        "the store in {} is open in another container: run this in the same one",
        folder.display()
    )]
    Apart {
        /// Where it is.
        folder: PathBuf,
    },
    /// There is none.
    #[error("there is no store in {}", folder.display())]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A restore did not come to its end.
    #[error(
        "a restore into {} was interrupted, so there is no store: restore the backup again",
        folder.display()
    )]
    HalfRestored {
        /// Where.
        folder: PathBuf,
    },
    /// There is something else in the folder.
    #[error("{} holds files, but no whowas store: give an empty folder", folder.display())]
    Foreign {
        /// Where.
        folder: PathBuf,
    },
    /// A later version of this program wrote it.
    #[error(
        "the store in {} has format {found}, and this program knows formats up to {FORMAT}: \
         use a newer whowas",
        folder.display()
    )]
    Newer {
        /// Where it is.
        folder: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A version of this program from before the first release wrote it.
    #[error(
        "the store in {} has format {found}, from before the first release, and this program \
         reads format {FORMAT}: give an empty folder",
        folder.display()
    )]
    Older {
        /// Where it is.
        folder: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The file system refused.
    #[error("cannot use the folder {}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The engine refused.
    #[error("cannot open the store in {}", folder.display())]
    Engine {
        /// Where it is.
        folder: PathBuf,
        /// What it said.
        source: heed::Error,
    },
    /// What lies there cannot be read.
    #[error("cannot read the store in {}", folder.display())]
    Unreadable {
        /// Where it is.
        folder: PathBuf,
        /// What it said.
        source: EngineError,
    },
}

/// Whether there is a store in a folder, of whatever version.
pub fn is_there(folder: &Path) -> bool {
    folder.join(FORMAT_FILE).exists()
}

/// An open folder.
pub(super) struct Opened {
    pub(super) env: Env,
    pub(super) tables: Tables,
    /// Held as long as it lives.
    pub(super) lock: File,
}

/// Opens the store in a folder, or makes one there.
pub(super) fn open(options: &Options) -> Result<Opened, OpenError> {
    let folder = &options.folder;
    let refused = |source| OpenError::Folder { folder: folder.clone(), source };
    make_folder(folder).map_err(refused)?;
    check_owner(folder)?;
    let turn = locks::take_turn(folder)?;
    let lock = locks::take_writing(folder)?;
    // Again, since somebody may have made the store in between.
    if !check_owner(folder)? {
        write_format(folder, FORMAT).map_err(refused)?;
    }
    // Whoever reads a backup may have outlived the writer of before.
    if !locks::is_read(folder)? {
        fill_reader_table(folder).map_err(refused)?;
    }
    let engine = |source| OpenError::Engine { folder: folder.clone(), source };
    let env = open_env(options, EnvFlags::empty()).map_err(engine)?;
    drop(turn);
    let tables = Tables::open(&env).map_err(engine)?;
    // The data is durable only if its file's name is.
    sync_folder(folder).map_err(refused)?;
    Ok(Opened { env, tables, lock })
}

/// Opens the store in a folder to look at it, beside whoever writes. What keeps the folder's next
/// writer from making LMDB's table of readers anew comes along.
pub(super) fn look(options: &Options) -> Result<(Env, File), OpenError> {
    let folder = &options.folder;
    if !is_there(folder) {
        return Err(OpenError::Missing { folder: folder.clone() });
    }
    check_owner(folder)?;
    let _turn = locks::take_turn(folder)?;
    let alone = locks::hold_writing_off(folder)?;
    if alone.is_some() && !locks::is_read(folder)? {
        let refused = |source| OpenError::Folder { folder: folder.clone(), source };
        fill_reader_table(folder).map_err(refused)?;
        locks::give_to_owner(folder, &folder.join(READERS_FILE));
    }
    let reading = locks::take_reading(folder)?;
    let engine = |source| OpenError::Engine { folder: folder.clone(), source };
    let env = open_env(options, EnvFlags::READ_ONLY).map_err(engine)?;
    Ok((env, reading))
}

pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    // Profiles are nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whether there is a store that this program can read; refuses what is not ours.
fn check_owner(folder: &Path) -> Result<bool, OpenError> {
    let refused = |source| OpenError::Folder { folder: folder.to_owned(), source };
    let foreign = || OpenError::Foreign { folder: folder.to_owned() };
    match fs::read(folder.join(FORMAT_FILE)) {
        Ok(bytes) => match parse_format(&bytes).ok_or_else(foreign)? {
            0 => Err(foreign()),
            FORMAT => Ok(true),
            found @ 1..FORMAT => Err(OpenError::Older { folder: folder.to_owned(), found }),
            found => Err(OpenError::Newer { folder: folder.to_owned(), found }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if is_half_restored(folder) {
                return Err(OpenError::HalfRestored { folder: folder.to_owned() });
            }
            for entry in fs::read_dir(folder).map_err(refused)? {
                let name = entry.map_err(refused)?.file_name();
                if !MAY_BE_THERE.iter().any(|own| name == *own) {
                    return Err(foreign());
                }
            }
            Ok(false)
        }
        Err(error) => Err(refused(error)),
    }
}

pub(super) fn parse_format(bytes: &[u8]) -> Option<u32> {
    if bytes.len() > FORMAT_LEN_MAX {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    text.strip_prefix(FORMAT_MAGIC)?.strip_suffix('\n')?.parse().ok()
}

/// Says whose the folder is, before anything else is in it: all or nothing, since a name that is
/// there has its whole content.
pub(super) fn write_format(folder: &Path, format: u32) -> io::Result<()> {
    let new = folder.join(FORMAT_FILE_NEW);
    let mut file = File::create(&new)?;
    writeln!(file, "{FORMAT_MAGIC}{format}")?;
    file.sync_all()?;
    fs::rename(new, folder.join(FORMAT_FILE))?;
    sync_folder(folder)
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Gives LMDB's table of readers its room on the disk before LMDB maps it. LMDB would leave a hole,
/// and a reader who is the first to write into it when the disk is full would be killed.
fn fill_reader_table(folder: &Path) -> io::Result<()> {
    const READER_LEN: usize = 64;
    const HEAD_LEN: usize = 4_096;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(folder.join(READERS_FILE))?;
    file.write_all(&vec![0; HEAD_LEN + READERS_MAX as usize * READER_LEN])
}

fn open_env(options: &Options, flags: EnvFlags) -> Result<Env, heed::Error> {
    // A reader's place belongs to its transaction, not to its thread: with a place for each thread,
    // one that ends while another one closes the store writes into what is not mapped any more.
    let mut env = EnvOpenOptions::new().read_txn_without_tls();
    env.map_size(options.map_size).max_readers(READERS_MAX).max_dbs(TABLES);
    // The kernel reads on around a page that is missing (no `MDB_NORDAHEAD`): in a folder of 32 GiB
    // of which nothing was in memory, 9,000 to 15,000 batches of 50 users a second were read in the
    // first five seconds, and without it 500 to 700.
    //
    // SAFETY: the map must not change under us. Whoever opens the files holds one of the folder's
    // locks, and nothing writes to them but LMDB in the process that has the writer's. The flags
    // are LMDB's defaults, or say that nothing is written.
    #[expect(unsafe_code, reason = "a memory map is never safe in Rust's eyes")]
    unsafe {
        env.flags(flags).open(&options.folder)
    }
}
