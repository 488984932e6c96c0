//! Where the log-ins of people are kept: one file each, encrypted, in a folder that only its owner reads.
//!
//! AES-256-GCM of ring, under a key made anew for each writing from the master key and a random salt, so that
//! no pair of key and nonce comes twice. Whose log-in it is goes into the check, so that one file does not
//! pass for another. The master key is a configured secret, or 32 random bytes in a file beside.
//!
//! What that protects from: a copy of the files without the key, such as a backup or a support bundle. With
//! the key file beside them it does not protect from whoever can read the whole folder, and in no case from
//! whoever is this user or root on this machine. A damaged file is refused and never taken for an empty one.
//!
//! Only log-ins of people are kept. An application fetches a new token whenever it begins; nothing of it is
//! worth the risk of a file.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hkdf::{HKDF_SHA256, Salt};
use serde::{Deserialize, Serialize};
use transport::Secret;

use crate::answer::Access;
use crate::problem::Problem;
use crate::random;

/// Every file begins with it; another version gets another one.
const MAGIC: &[u8] = b"portcullis log-in 1\n";
const SALT: usize = 32;
const NONCE: usize = 12;
/// The longest file that is read.
const LONGEST: u64 = 1 << 20;
/// The shortest secret that is taken for a key.
const SHORTEST: usize = 32;
const KEY_FILE: &str = "key";

/// A folder of encrypted log-ins.
#[derive(Clone)]
pub struct Vault {
    folder: PathBuf,
    master: Option<Secret>,
}

impl Vault {
    /// In this folder, with a key that is made there when it is first needed.
    pub fn with_key_file(folder: impl Into<PathBuf>) -> Self {
        Vault { folder: folder.into(), master: None }
    }

    /// In this folder, with a key that is somewhere else. At least 32 characters, which nobody can guess.
    pub fn with_secret(folder: impl Into<PathBuf>, secret: Secret) -> Result<Self, Problem> {
        if secret.reveal().len() < SHORTEST {
            return Err(Problem::Settings(format!(
                "the key for the log-ins that are kept needs at least {SHORTEST} characters; make one with `openssl rand -base64 32`"
            )));
        }
        Ok(Vault { folder: folder.into(), master: Some(secret) })
    }

    /// Keeps everybody else out until the result is dropped; `None` if somebody is in.
    pub(crate) fn try_lock(&self, whose: &str) -> Result<Option<Lock>, Problem> {
        self.make_folder()?;
        let place = self.place(whose, "lock");
        let file = private(&place, true).map_err(|why| wrong(&place, &why))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(why)) => Err(wrong(&place, &why)),
        }
    }

    /// What is kept, if anything is.
    pub(crate) fn read(&self, whose: &str, _: &Lock) -> Result<Option<Kept>, Problem> {
        let place = self.place(whose, "login");
        let Some(content) = self.content(&place)? else { return Ok(None) };
        let unreadable = || {
            Problem::Kept(format!(
                "{} cannot be decrypted: it is damaged, from another machine, or its key is another one; `portcullis connection login` replaces it",
                place.display()
            ))
        };
        let rest = content.strip_prefix(MAGIC).ok_or_else(unreadable)?;
        let (salt, rest) = rest.split_at_checked(SALT).ok_or_else(unreadable)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or_else(unreadable)?;
        let master = self.master(false)?.ok_or_else(unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
        let mut sealed = sealed.to_vec();
        let plain = key(&master, salt)?
            .open_in_place(nonce, Aad::from(bound(whose)), &mut sealed)
            .map_err(|_| unreadable())?;
        serde_json::from_slice(plain).map(Some).map_err(|_| unreadable())
    }

    /// Replaces what is kept. It is the old or the new, whenever the machine stops.
    pub(crate) fn write(&self, whose: &str, kept: &Kept, _: &Lock) -> Result<(), Problem> {
        let place = self.place(whose, "login");
        let master = self.master(true)?.ok_or_else(no_key)?;
        let salt = random::bytes::<SALT>()?;
        let nonce = random::bytes::<NONCE>()?;
        let mut sealed = serde_json::to_vec(kept).map_err(|_| no_key())?;
        key(&master, &salt)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound(whose)),
                &mut sealed,
            )
            .map_err(|_| no_key())?;
        let content = [MAGIC, &salt, &nonce, &sealed].concat();
        self.replace(&place, &content).map_err(|why| wrong(&place, &why))
    }

    /// Forgets what is kept.
    pub(crate) fn remove(&self, whose: &str, _: &Lock) -> Result<(), Problem> {
        let place = self.place(whose, "login");
        match fs::remove_file(&place) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(wrong(&place, &why)),
            _ => Ok(()),
        }
    }

    /// The name says nothing about whose it is.
    fn place(&self, whose: &str, ending: &str) -> PathBuf {
        let digest = digest(&SHA256, whose.as_bytes());
        let name: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.{ending}"))
    }

    fn make_folder(&self) -> Result<(), Problem> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(|why| wrong(&self.folder, &why))
    }

    /// The master key. Made if there is none and `make` says so.
    fn master(&self, make: bool) -> Result<Option<Vec<u8>>, Problem> {
        if let Some(secret) = &self.master {
            return Ok(Some(secret.reveal().as_bytes().to_vec()));
        }
        let place = self.folder.join(KEY_FILE);
        if make && !place.exists() {
            let fresh = random::bytes::<32>()?;
            // Whole or not at all, and the first of two wins: a key that is replaced makes all files unreadable.
            let draft = self.draft(&fresh).map_err(|why| wrong(&place, &why))?;
            let linked = fs::hard_link(&draft, &place);
            let gone = fs::remove_file(&draft);
            match linked.and(gone) {
                Err(why) if why.kind() != io::ErrorKind::AlreadyExists => return Err(wrong(&place, &why)),
                _ => sync(&self.folder).map_err(|why| wrong(&self.folder, &why))?,
            }
        }
        match self.content(&place)? {
            Some(key) if key.len() != 32 => Err(Problem::Kept(format!(
                "{} is damaged: a key has 32 bytes; take it from a backup, or remove it and log in again",
                place.display()
            ))),
            key => Ok(key),
        }
    }

    /// The content of a file that must be ours alone.
    fn content(&self, place: &Path) -> Result<Option<Vec<u8>>, Problem> {
        let file = match private(place, false) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(wrong(place, &why)),
        };
        let mut content = Vec::new();
        file.take(LONGEST).read_to_end(&mut content).map_err(|why| wrong(place, &why))?;
        Ok(Some(content))
    }

    fn replace(&self, place: &Path, content: &[u8]) -> io::Result<()> {
        let draft = self.draft(content)?;
        fs::rename(&draft, place)?;
        sync(&self.folder)
    }

    /// A new file with this content, on the disk.
    fn draft(&self, content: &[u8]) -> io::Result<PathBuf> {
        let name = random::word().map_err(|_| io::Error::other("no random numbers"))?;
        let place = self.folder.join(format!("{name}.new"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&place)?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok(place)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Whoever has it is alone with one log-in, among all processes.
pub(crate) struct Lock {
    _file: File,
}

/// What is kept of a person's log-in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    refresh: String,
    access: String,
    obtained: u64,
    expires: u64,
}

impl Kept {
    pub(crate) fn new(refresh: &Secret, access: &Access) -> Self {
        Kept {
            refresh: refresh.reveal().to_owned(),
            access: access.token.reveal().to_owned(),
            obtained: access.obtained,
            expires: access.expires,
        }
    }

    pub(crate) fn refresh(&self) -> Secret {
        Secret::new(&*self.refresh)
    }

    pub(crate) fn access(&self) -> Access {
        Access { token: Secret::new(&*self.access), obtained: self.obtained, expires: self.expires }
    }
}

fn bound(whose: &str) -> Vec<u8> {
    [MAGIC, whose.as_bytes()].concat()
}

fn key(master: &[u8], salt: &[u8]) -> Result<LessSafeKey, Problem> {
    let parent = Salt::new(HKDF_SHA256, salt).extract(master);
    let key = parent.expand(&[b"a log-in that is kept"], &AES_256_GCM).map_err(|_| no_key())?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

fn no_key() -> Problem {
    Problem::Kept("the log-in cannot be encrypted, so it is not kept".to_owned())
}

fn wrong(place: &Path, why: &io::Error) -> Problem {
    Problem::Kept(format!("the log-in that is kept cannot be used: {}: {why}", place.display()))
}

/// Opens a file that must be no link, ours, and readable by nobody else.
fn private(place: &Path, make: bool) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    if make {
        options.write(true).create(true).truncate(false);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
        let file = options.open(place).map_err(|why| {
            let is_link = place.symlink_metadata().is_ok_and(|facts| facts.is_symlink());
            if is_link { io::Error::other("it is a link; put the file itself there") } else { why }
        })?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        if facts.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other("it belongs to another user"));
        }
        if facts.mode() & 0o077 != 0 {
            return Err(io::Error::other("others on this machine can read it; `chmod 600` it if nobody has"));
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(place)
}

/// Puts the names in a folder on the disk.
fn sync(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
