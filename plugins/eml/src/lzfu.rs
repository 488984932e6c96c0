//! Compressed RTF (MS-OXRTFCP): how Outlook keeps a body.
//!
//! Own code, sixty lines: the crate `compressed-rtf` panics on short input and reserves what the header claims; it
//! writes the samples of the tests.

/// What the dictionary holds before the first byte.
const START: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

const SIZE: usize = 4096;

/// The RTF, at most `most` bytes of it; nothing if it is not compressed in a known way.
pub fn decompress(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let (header, body) = bytes.split_at_checked(16)?;
    match header.get(8..12)? {
        b"LZFu" => Some(unpack(body, most)),
        b"MELA" => Some(body.get(..most).unwrap_or(body).to_vec()),
        _ => None,
    }
}

fn unpack(body: &[u8], most: usize) -> Vec<u8> {
    let mut dictionary = [b' '; SIZE];
    for (slot, byte) in dictionary.iter_mut().zip(START) {
        *slot = *byte;
    }
    let mut at = START.len();
    let mut out = Vec::new();
    let mut put = |byte: u8, at: &mut usize, dictionary: &mut [u8; SIZE]| {
        if let Some(slot) = dictionary.get_mut(*at) {
            *slot = byte;
        }
        *at = (*at + 1) % SIZE;
        out.push(byte);
        out.len() < most
    };
    let mut rest = body.iter().copied();
    'all: while let Some(control) = rest.next() {
        for bit in 0..8 {
            let Some(first) = rest.next() else { break 'all };
            if control >> bit & 1 == 0 {
                if !put(first, &mut at, &mut dictionary) {
                    break 'all;
                }
                continue;
            }
            let Some(second) = rest.next() else { break 'all };
            let reference = usize::from(u16::from_be_bytes([first, second]));
            let (from, length) = (reference >> 4, (reference & 0xF) + 2);
            // A reference to where writing goes on is the end.
            if from == at {
                break 'all;
            }
            for step in 0..length {
                let byte = dictionary.get((from + step) % SIZE).copied().unwrap_or_default();
                if !put(byte, &mut at, &mut dictionary) {
                    break 'all;
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_dictionary_begins_as_specified() {
        assert_eq!(super::START.len(), 207);
    }
}
