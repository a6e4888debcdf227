//! From encoded images to pixels.

use std::io::Cursor;

use abi_core::images::{
    Format, ImageError, Orientation, RESULT_SIDE_MAX, SOURCE_SIDE_MAX, Transform,
};
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation as Turn;
use image::{
    AnimationDecoder, Delay, DynamicImage, ImageDecoder, ImageFormat, ImageResult, Limits,
    RgbaImage,
};

use super::{encode, error, memory};

/// The most memory that decoding one image may take, in bytes.
const DECODED_BYTES_MAX: u64 = 640 * 1024 * 1024;

/// How many frames of an animated image are looked at.
pub(super) const FRAMES_MAX: u32 = 1_000;

/// How many pixels all frames of an animated image have at most, before and after.
pub(super) const FRAME_PIXELS_MAX: u64 = (RESULT_SIDE_MAX as u64) * (RESULT_SIDE_MAX as u64);

/// An image of which no more than the header was read.
pub(super) struct Source<'a> {
    pub bytes: &'a [u8],
    pub format: Format,
    decoder: Box<dyn ImageDecoder + 'a>,
    is_animated: bool,
}

/// The pixels of an image.
pub(super) struct Decoded {
    /// One, or those of an animation.
    pub frames: Vec<Frame>,
    pub dimensions: (u32, u32),
    pub warnings: Vec<String>,
}

/// A picture, and for how long it is shown.
pub(super) struct Frame {
    pub image: RgbaImage,
    pub delay: Delay,
}

fn undecodable(why: impl std::fmt::Display) -> ImageError {
    error(format!("the image could not be decoded: {why}"))
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SOURCE_SIDE_MAX);
    limits.max_image_height = Some(SOURCE_SIDE_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    limits
}

impl<'a> Source<'a> {
    /// Reads the header of an image.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let format = match image::guess_format(bytes) {
            Ok(ImageFormat::Gif) => Format::Gif,
            Ok(ImageFormat::Jpeg) => Format::Jpeg,
            Ok(ImageFormat::Png) => Format::Png,
            Ok(ImageFormat::WebP) => Format::WebP,
            _ => return Err(error("the response is none of GIF, JPEG, PNG and WebP")),
        };
        let (mut decoder, is_animated) = decoder(bytes, format).map_err(undecodable)?;
        decoder.set_limits(limits()).map_err(undecodable)?;
        let (width, height) = decoder.dimensions();
        if width == 0 || height == 0 {
            return Err(undecodable("it has no pixels"));
        }
        if decoder.total_bytes() > DECODED_BYTES_MAX {
            return Err(undecodable("it has too many pixels"));
        }
        Ok(Self {
            bytes,
            format,
            decoder,
            is_animated,
        })
    }

    /// Whether the image was encoded without loss.
    pub(super) fn is_lossless(&self) -> bool {
        match self.format {
            Format::Gif | Format::Png => true,
            // The kind of the first chunk of the container.
            Format::WebP => self.bytes.get(12..16) == Some(b"VP8L"),
            _ => false,
        }
    }

    /// How many bytes it takes at most to decode it, transform it and encode what comes of it.
    pub(super) fn memory_for(&self, what: &Transform) -> u64 {
        let undecoded = memory::Undecoded {
            format: self.format,
            dimensions: self.decoder.dimensions(),
            pixel_bytes: self.decoder.total_bytes(),
            frames: match self.format {
                Format::Gif => Some(frames_of(self.bytes)),
                _ => None,
            },
        };
        memory::needed(&undecoded, what)
    }

    /// Decodes it: all its frames where these may move, and otherwise one.
    pub(super) fn decode(self, what: &Transform) -> Result<Decoded, ImageError> {
        let may_move = encode::may_move(what, self.format);
        let warning = "the image is animated; this host gives only its first frame";
        let wants_all = what.frame.is_none();
        if self.format == Format::Gif && (may_move || what.frame.is_some_and(|number| number > 1)) {
            return gif_frames(self.bytes, what.frame);
        }
        if what.frame.is_some_and(|number| number > 1) {
            return Err(error(
                "parameter `frame`: this host reads only the first frame of this format",
            ));
        }
        let is_animated = self.is_animated || (self.format == Format::Gif && moves(self.bytes)?);
        let mut decoder = self.decoder;
        let turn = match what.orientation {
            Some(Orientation::Exif(_)) => Turn::NoTransforms,
            // Metadata that cannot be read turn nothing.
            None => decoder.orientation().unwrap_or(Turn::NoTransforms),
        };
        let mut image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
        image.apply_orientation(turn);
        let image = image.into_rgba8();
        let is_less = wants_all && is_animated;
        let warnings = is_less.then(|| warning.to_owned()).into_iter().collect();
        Ok(Decoded {
            dimensions: image.dimensions(),
            frames: vec![Frame {
                image,
                delay: Delay::from_numer_denom_ms(0, 1),
            }],
            warnings,
        })
    }
}

/// What is known of the frames of a GIF without decoding them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FramesOfGif {
    /// How many there are; of more than [`FRAMES_MAX`], so many.
    pub count: u32,
    /// The pixels of the largest one, which may be larger than the image.
    pub largest: u64,
}

/// Counts frames as far as they can be read; what is wrong with the others is found when they are decoded.
fn frames_of(bytes: &[u8]) -> FramesOfGif {
    let mut options = gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut frames = FramesOfGif::default();
    let Ok(mut decoder) = options.read_info(bytes) else {
        return frames;
    };
    while frames.count < FRAMES_MAX
        && let Ok(Some(frame)) = decoder.next_frame_info()
    {
        frames.count += 1;
        let pixels = u64::from(frame.width) * u64::from(frame.height);
        frames.largest = frames.largest.max(pixels);
    }
    frames
}

fn gif(bytes: &[u8]) -> ImageResult<image::Frames<'_>> {
    let mut decoder = GifDecoder::new(Cursor::new(bytes))?;
    decoder.set_limits(limits())?;
    Ok(decoder.into_frames())
}

/// Whether a GIF has a second frame.
fn moves(bytes: &[u8]) -> Result<bool, ImageError> {
    Ok(gif(bytes).map_err(undecodable)?.nth(1).is_some())
}

/// All frames of a GIF, or the one of a number that is counted from 1.
fn gif_frames(bytes: &[u8], number: Option<u32>) -> Result<Decoded, ImageError> {
    let mut frames = Vec::new();
    let (mut count, mut pixels) = (0, 0);
    for frame in gif(bytes).map_err(undecodable)? {
        let frame = frame.map_err(undecodable)?;
        let delay = frame.delay();
        let image = frame.into_buffer();
        count += 1;
        pixels += u64::from(image.width()) * u64::from(image.height());
        if count > FRAMES_MAX || pixels > FRAME_PIXELS_MAX {
            return Err(undecodable("its frames have too many pixels together"));
        }
        if number.is_none_or(|number| number == count) {
            frames.push(Frame { image, delay });
        }
        if number == Some(count) {
            break;
        }
    }
    let Some(first) = frames.first() else {
        return Err(error(format!(
            "parameter `frame`: the image has only {count}"
        )));
    };
    Ok(Decoded {
        dimensions: first.image.dimensions(),
        frames,
        warnings: Vec::new(),
    })
}

/// The decoder of a format, and whether the image is animated.
fn decoder<'a>(bytes: &'a [u8], format: Format) -> ImageResult<(Box<dyn ImageDecoder + 'a>, bool)> {
    let cursor = Cursor::new(bytes);
    Ok(match format {
        // Whether there is a second frame is only known when the first one was read.
        Format::Gif => (Box::new(GifDecoder::new(cursor)?), false),
        Format::Jpeg => (Box::new(JpegDecoder::new(cursor)?), false),
        Format::WebP => {
            let decoder = WebPDecoder::new(cursor)?;
            let is_animated = decoder.has_animation();
            (Box::new(decoder), is_animated)
        }
        _ => {
            let decoder = PngDecoder::with_limits(cursor, limits())?;
            let is_animated = decoder.is_apng()?;
            (Box::new(decoder), is_animated)
        }
    })
}
