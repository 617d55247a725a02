//! The key of the links, kept in a file that only the engine's user can read.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::links::Key;

/// Bytes of a key.
const LENGTH: usize = 32;

/// The key cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// What the system says.
    #[error("the key of the links cannot be kept in {}: {reason}; make the folder writable, or set recording.secret", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// It is there, and is no key.
    #[error("{} holds no key: remove it, and a new one is made; links given before are void then", .0.display())]
    NoKey(PathBuf),
}

/// The key in the file; made where there is none.
pub(super) fn kept(path: &Path) -> Result<Key, KeyError> {
    let failed = |reason| KeyError::Io { path: path.to_owned(), reason };
    match fs::read(path) {
        Ok(bytes) if bytes.len() == LENGTH => return Ok(Key::new(&bytes)),
        Ok(_) => return Err(KeyError::NoKey(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let bytes = random();
    // Written aside and linked into place: another engine that starts at the same moment sees a
    // whole key or none.
    let mut aside = path.to_owned().into_os_string();
    aside.push(format!(".{}", uuid::Uuid::new_v4()));
    let aside = PathBuf::from(aside);
    let made = private(&aside, &bytes).and_then(|()| fs::hard_link(&aside, path));
    let _ = fs::remove_file(&aside);
    match made {
        Ok(()) => Ok(Key::new(&bytes)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match fs::read(path) {
            Ok(bytes) if bytes.len() == LENGTH => Ok(Key::new(&bytes)),
            Ok(_) => Err(KeyError::NoKey(path.to_owned())),
            Err(error) => Err(failed(error)),
        },
        Err(error) => Err(failed(error)),
    }
}

/// From the system's source of random numbers (two v4 UUIDs would lack 12 bits).
pub(crate) fn random() -> [u8; LENGTH] {
    let mut key = [0; LENGTH];
    for (n, byte) in key.iter_mut().enumerate() {
        // Byte 0 of a v4 UUID is random throughout.
        *byte = uuid::Uuid::new_v4().as_bytes()[n % 4];
    }
    key
}

fn private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Links, Server};
    use jiff::Timestamp;

    fn link(key: Key) -> String {
        let server = Server::Own { url: "http://x".into(), key };
        let links = Links::new(server, "/rec".into(), None);
        links.link("/rec/a.wav", Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_only_its_user_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dozvon.key");
        let first = link(kept(&path).unwrap());
        assert_eq!(link(kept(&path).unwrap()), first, "links outlive a new start");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
        let other = folder.path().join("other.key");
        assert_ne!(link(kept(&other).unwrap()), first);
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dozvon.key");
        fs::write(&path, "x").unwrap();
        assert!(kept(&path).err().unwrap().to_string().contains("remove it"));
        let nowhere = folder.path().join("nowhere/dozvon.key");
        assert!(kept(&nowhere).err().unwrap().to_string().contains("recording.secret"));
    }
}
