//! Transforming images: what a guest asks of the image optimizer, in types.
//!
//! A query such as `width=50p&crop=1:1` becomes a [`Transform`]; an [`ImageTransformer`] of the host carries it out. There
//! is no image codec here.

mod parameters;
mod query;
mod values;

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use parameters::{
    Adjustment, Area, BlackAndWhite, Color, Crop, Filter, Fit, Format, Length, Offset, Optimize,
    Orientation, Sharpen, Transform, TrimColor,
};
pub use query::{ImageQuery, ParameterError, parse};

/// The largest image that is taken, in bytes.
pub const SOURCE_BYTES_MAX: usize = 50 * 1024 * 1024;

/// The most pixels that an image may have in either direction before it is transformed.
pub const SOURCE_SIDE_MAX: u32 = 12_000;

/// The most pixels that an image may have in either direction when it is transformed.
pub const RESULT_SIDE_MAX: u32 = 8_192;

/// What transforms images.
pub trait ImageTransformer: Send + Sync {
    /// Transforms an encoded image. Work that takes long must not happen within a poll.
    fn transform(
        &self,
        image: Bytes,
        transform: Transform,
    ) -> BoxFuture<'static, Result<TransformedImage, ImageError>>;
}

/// An image that was transformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformedImage {
    /// The encoded image.
    pub bytes: Bytes,
    /// Its format.
    pub format: Format,
    /// Width and height in pixels.
    pub dimensions: (u32, u32),
    /// The format of the image it was made of.
    pub source_format: Format,
    /// Width and height, in pixels, of the image it was made of.
    pub source_dimensions: (u32, u32),
    /// What is otherwise than it was asked for, in words for whoever asked.
    pub warnings: Vec<String>,
}

/// Why an image was not transformed, in words for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageError(pub String);

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ImageError {}
