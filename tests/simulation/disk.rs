//! A disk with one file that is appended to: what was not synced may be lost, in part or in whole, when the power goes.

use crate::dice::Dice;

/// The file's bytes.
#[derive(Default)]
pub(crate) struct Disk {
    synced: Vec<u8>,
    cached: Vec<u8>,
}

impl Disk {
    /// Appends bytes that are not safe yet.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.cached.extend_from_slice(bytes);
    }

    /// What was written is safe.
    pub(crate) fn sync(&mut self) {
        self.synced.append(&mut self.cached);
    }

    /// What was not synced is lost, or kept, or torn; a torn end may have zeros for what is missing.
    pub(crate) fn lose_power(&mut self, dice: &mut Dice) {
        let cached = std::mem::take(&mut self.cached);
        let kept = match dice.below(3) {
            0 => 0,
            1 => cached.len(),
            _ => dice.below(cached.len() + 1),
        };
        self.synced.extend_from_slice(&cached[..kept]);
        if dice.chance(30) {
            self.synced.resize(self.synced.len() + cached.len() - kept, 0);
        }
    }

    /// Every whole frame; what follows the last of them is cut off.
    pub(crate) fn recover(&mut self) -> Vec<Vec<u8>> {
        let (mut frames, mut at) = (Vec::new(), 0);
        while let Some((payload, next)) = frame(&self.synced, at) {
            frames.push(payload.to_vec());
            at = next;
        }
        self.synced.truncate(at);
        self.cached.clear();
        frames
    }

    /// Replaces everything, for stores that forget on purpose.
    pub(crate) fn rewrite(&mut self, frames: &[Vec<u8>]) {
        self.synced = frames.iter().flat_map(|payload| framed(payload)).collect();
    }
}

/// A payload with its length and checksum in front.
pub(crate) fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u64).to_le_bytes().to_vec();
    bytes.extend(checksum(payload).to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn frame(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let number = |from: usize| Some(u64::from_le_bytes(bytes.get(from..from + 8)?.try_into().ok()?));
    let length = usize::try_from(number(at)?).ok()?;
    let payload = bytes.get(at + 16..(at + 16).checked_add(length)?)?;
    (length > 0 && checksum(payload) == number(at + 8)?).then_some((payload, at + 16 + length))
}

/// FNV-1a: enough against accidents.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
