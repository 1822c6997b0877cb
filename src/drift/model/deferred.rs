//! What is read from text only when somebody asks for it.

use std::sync::OnceLock;

/// A value, or the text of which it is read when it is first asked for.
#[derive(Debug, Clone)]
pub(super) struct Deferred<T> {
    text: Box<str>,
    value: OnceLock<Option<T>>,
}

impl<T> Deferred<T> {
    /// A value that is known already; `None` is a value that cannot be read.
    pub fn known(value: Option<T>) -> Self {
        Self { text: Box::default(), value: OnceLock::from(value) }
    }

    /// A value that is still text.
    pub fn text(text: Box<str>) -> Self {
        Self { text, value: OnceLock::new() }
    }

    /// The text, while nobody has asked for the value.
    pub fn unread(&self) -> Option<&str> {
        self.value.get().is_none().then_some(&*self.text)
    }

    /// The value; `read` makes it of the text, once.
    pub fn get(&self, read: fn(&str) -> Option<T>) -> Option<&T> {
        self.value.get_or_init(|| read(&self.text)).as_ref()
    }
}
