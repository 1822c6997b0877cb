//! The lines of an answer that goes on and on, as they arrive.

use http_body_util::BodyExt as _;
use kube::client::Body;

/// An object may hold one and a half mebibytes in etcd; as JSON it may be several times as long.
const LONGEST: usize = 64 << 20;
/// What is kept of the memory that a long line took.
const KEPT: usize = 64 << 10;

/// What comes next.
pub(super) enum Line<'l> {
    Read(&'l [u8]),
    /// The answer is over; a line that did not come to its end is dropped, for the server tells it again.
    End,
    TooLong,
}

/// An answer being read.
pub(super) struct Lines {
    body: Body,
    bytes: Vec<u8>,
    /// So many of the bytes have been read as lines.
    taken: usize,
    /// So many of the bytes hold no further end of a line.
    searched: usize,
}

impl Lines {
    pub fn of(body: Body) -> Self {
        Self { body, bytes: Vec::new(), taken: 0, searched: 0 }
    }

    /// The next line; nothing is lost when this is dropped while it waits.
    pub async fn next(&mut self) -> Line<'_> {
        loop {
            if let Some(length) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
                let (from, to) = (self.taken, self.searched + length);
                (self.taken, self.searched) = (to + 1, to + 1);
                if from < to {
                    return Line::Read(&self.bytes[from..to]);
                }
                continue;
            }
            self.bytes.drain(..self.taken);
            (self.taken, self.searched) = (0, self.bytes.len());
            self.bytes.shrink_to(KEPT);
            if self.bytes.len() > LONGEST {
                return Line::TooLong;
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.bytes.extend_from_slice(&data);
                    }
                }
                Some(Err(_)) | None => return Line::End,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(body: &[u8]) -> Vec<String> {
        let mut lines = Lines::of(Body::from(body.to_vec()));
        let mut read = Vec::new();
        while let Line::Read(line) = lines.next().await {
            read.push(String::from_utf8(line.to_vec()).unwrap());
        }
        read
    }

    #[tokio::test]
    async fn whole_lines_are_read_and_a_line_that_is_cut_short_is_not() {
        assert_eq!(lines(b"{1}\n{2}\n\n{3}\n").await, ["{1}", "{2}", "{3}"]);
        assert_eq!(lines(b"{1}\n{2").await, ["{1}"]);
        assert_eq!(lines(b"").await, [""; 0]);
    }
}
