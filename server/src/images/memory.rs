//! How much memory it takes to transform an image.
//!
//! An image is decoded, then changed, then encoded, and each step is done with its buffers when the next one begins: what
//! counts is the step that takes most. The numbers of bytes for a pixel are those of the codecs at their worst, which the test
//! below holds against what the system says.

use abi_core::images::{Filter, Format, RESULT_SIDE_MAX, Transform};

use super::decode::{FRAME_PIXELS_MAX, FramesOfGif};
use super::encode;
use super::pixels;

/// What is known of an image that was not decoded yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undecoded {
    pub format: Format,
    pub dimensions: (u32, u32),
    /// What its pixels take as its decoder gives them, in bytes.
    pub pixel_bytes: u64,
    /// Its frames, of a GIF.
    pub frames: Option<FramesOfGif>,
}

/// What a pixel takes with eight bits for each of four channels, in bytes.
const PIXEL: u64 = 4;

/// What it takes with a floating-point number for each: between the two passes in which an image is given other dimensions.
const FLOATING_PIXEL: u64 = 16;

/// What decoders keep beside the pixels that they give, in bytes for each: the coefficients of a progressive JPEG.
const DECODER_PIXEL: u64 = 6;

/// What they keep for a GIF: the picture as it was before a frame, and as it is with it.
const GIF_DECODER_PIXEL: u64 = 2 * PIXEL;

/// How many bytes it takes at most to decode an image, do what is asked for to it, and encode what comes of it.
pub(super) fn needed(image: &Undecoded, what: &Transform) -> u64 {
    let source = area(image.dimensions);
    let Sizes { between, result } = Sizes::of(image.dimensions, what);
    // Turned, or with four channels in place of three.
    let turned = (PIXEL * source).max(image.pixel_bytes);
    let decoding = image.pixel_bytes + turned.max(DECODER_PIXEL * source);
    let decoding = match image.frames {
        // The pixels of the frame come beside them.
        Some(frames) => decoding.max(GIF_DECODER_PIXEL * source + PIXEL * frames.largest),
        None => decoding,
    };
    // An image and what was cut out of it, and the result, which some ways of resizing have twice.
    let resizing = 2 * PIXEL * source + FLOATING_PIXEL * between + 2 * PIXEL * result;
    // A picture, the one between two passes, and what comes of them.
    let blurring = 3 * PIXEL * result;
    let changing = resizing.max(blurring);
    let encoding = PIXEL * result + encode::memory_for(what, image.format, result);
    let others = other_frames(image, what);
    let kept = |pixels: u64| PIXEL * (others * pixels).min(FRAME_PIXELS_MAX);
    // Of an animation some frames are as they were and the others as they will be.
    (kept(source) + decoding).max(kept(source.max(result)) + changing.max(encoding))
}

/// How many frames are kept beside the one that is worked on.
fn other_frames(image: &Undecoded, what: &Transform) -> u64 {
    match image.frames {
        Some(frames) if encode::may_move(what, image.format) => {
            u64::from(frames.count).saturating_sub(1)
        }
        _ => 0,
    }
}

/// How large an image is on its way, in pixels.
struct Sizes {
    /// When one of its sides has its new length.
    between: u64,
    /// At the end.
    result: u64,
}

impl Sizes {
    fn of((width, height): (u32, u32), what: &Transform) -> Self {
        let is_cut = what.trim_color.is_some()
            || [what.precrop, what.crop].iter().any(Option::is_some)
            || what.trim.is_some();
        let of = if is_cut { Self::cut } else { Self::resized };
        // Metadata may turn it.
        let (upright, turned) = (of((width, height), what), of((height, width), what));
        Self {
            between: upright.between.max(turned.between),
            result: upright.result.max(turned.result),
        }
    }

    /// The sizes of an image of which something is cut off, at most: how much is left is known only then.
    fn cut((width, height): (u32, u32), what: &Transform) -> Self {
        if what.upscale {
            return Self {
                between: area((width.max(height), RESULT_SIDE_MAX)),
                result: RESULT_MAX,
            };
        }
        // Without upscaling nothing grows.
        Self {
            between: area((width, height)),
            result: bordered((width, height), what),
        }
    }

    /// The sizes of an image of which nothing is cut off.
    fn resized(before: (u32, u32), what: &Transform) -> Self {
        let Ok(after) = pixels::target(before, what) else {
            // It is refused.
            return Self {
                between: 0,
                result: 0,
            };
        };
        let between = match what.filter {
            _ if before == after => 0,
            Filter::Lanczos2 => area((after.0, before.1)).max(area((before.0, after.1))),
            _ => area((before.0, after.1)),
        };
        Self {
            between,
            result: bordered(after, what),
        }
    }
}

/// The pixels of the largest result.
const RESULT_MAX: u64 = (RESULT_SIDE_MAX as u64) * (RESULT_SIDE_MAX as u64);

/// How many pixels an image of at most these dimensions has with what is put around it. A larger one than the largest result
/// is refused.
fn bordered(dimensions: (u32, u32), what: &Transform) -> u64 {
    if what.canvas.is_some() {
        return RESULT_MAX;
    }
    let padded = what.pad.map(|sides| pixels::padded(dimensions, sides));
    area(padded.unwrap_or(dimensions)).min(RESULT_MAX)
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Cursor;
    use std::process::Command;

    use abi_core::images::parse;
    use image::{ImageFormat, RgbImage, RgbaImage};

    use super::super::{Source, transform};

    /// The format of an image of [`WIDTH`] by [`HEIGHT`] pixels, and the query.
    const CASES: [(&str, &str); 27] = [
        ("png", "format=png"),
        ("rgb", "format=png"),
        ("png", "width=400"),
        ("png", "width=900&format=jpg"),
        ("png", "width=950&format=jpg&resize-filter=lanczos2"),
        ("png", "width=1200&enable=upscale&format=jpg"),
        ("png", "width=700&height=700&fit=crop&format=jpg"),
        ("png", "crop=900,700&width=800&format=jpg"),
        ("png", "orient=r&format=jpg"),
        ("png", "sharpen=5,5,0&format=jpg"),
        ("png", "pad=10&format=jpg"),
        (
            "jpg",
            "width=10&height=8&fit=crop&resize-filter=lanczos2&format=jpg",
        ),
        ("png", "pad=0,900,10p,0&format=png"),
        ("jpg", "format=jpg&quality=100"),
        ("jpg", "format=pjpg&quality=100"),
        ("pjpg", "format=jpg"),
        ("webply", "format=jpg"),
        ("webpll", "format=webpll"),
        ("rgb", "format=webpll"),
        ("png", "format=webply&quality=100"),
        ("gif", "format=gif"),
        ("frames", "format=gif"),
        ("frames", "width=1200&enable=upscale&format=gif"),
        ("frames", "format=png"),
        ("frames", "frame=4&format=png"),
        ("large frame", "format=png"),
        ("png", "format=avif&width=400"),
    ];

    const WIDTH: u32 = 1000;
    const HEIGHT: u32 = 800;

    /// Where the child is told its case.
    const CASE: &str = "FASTLIKE_IMAGE_CASE";

    /// Noise, which no codec makes small.
    fn noise() -> RgbaImage {
        let mut state = 0x2545_F491_u32;
        RgbaImage::from_fn(WIDTH, HEIGHT, |_, _| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            image::Rgba(state.to_le_bytes())
        })
    }

    fn encoded(format: &str) -> Vec<u8> {
        let noise = noise();
        let mut bytes = Cursor::new(Vec::new());
        if format == "rgb" {
            let image = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
                let [r, g, b, _] = noise.get_pixel(x, y).0;
                image::Rgb([r, g, b])
            });
            image.write_to(&mut bytes, ImageFormat::Png).unwrap();
            return bytes.into_inner();
        }
        if let "frames" | "large frame" = format {
            return gif(&noise, format == "frames");
        }
        noise.write_to(&mut bytes, ImageFormat::Png).unwrap();
        if format == "png" {
            return bytes.into_inner();
        }
        let what = parse(&format!("format={format}"), "", "").transform;
        transform(bytes.get_ref(), &what).unwrap().bytes.into()
    }

    /// A GIF of four frames, of which all but the first are smaller than it; or one whose only frame is larger than it.
    fn gif(noise: &RgbaImage, moves: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (side, frames) = if moves { (WIDTH as u16, 4) } else { (10, 1) };
        let mut encoder =
            gif::Encoder::new(&mut bytes, side, side.min(HEIGHT as u16), &[]).unwrap();
        for number in 0..frames {
            let frame = image::imageops::crop_imm(noise, number, 0, WIDTH - number, HEIGHT);
            let frame = frame.to_image();
            let (width, height) = (frame.width() as u16, frame.height() as u16);
            let mut pixels = frame.into_raw();
            let frame = gif::Frame::from_rgba_speed(width, height, &mut pixels, 30);
            encoder.write_frame(&frame).unwrap();
        }
        drop(encoder);
        bytes
    }

    /// What the system says of this process, in bytes.
    fn status(name: &str) -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap().trim_matches(|it: char| !it.is_ascii_digit());
        number.parse::<u64>().unwrap() * 1024
    }

    /// One case, in a process of its own: what it takes, and what was said before.
    #[test]
    #[ignore = "the test below starts it"]
    fn measured() {
        let Ok(number) = std::env::var(CASE) else {
            return;
        };
        let (format, query) = CASES[number.parse::<usize>().unwrap()];
        let what = parse(query, "", "").transform;
        let bytes = encoded(format);
        let needed = Source::open(&bytes).unwrap().memory_for(&what);
        let before = status("VmRSS:");
        // The most that the process had is forgotten.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let transformed = transform(&bytes, &what).unwrap();
        let taken = status("VmHWM:").saturating_sub(before);
        drop(transformed);
        println!("\nneeded {needed} taken {taken}");
    }

    #[test]
    fn what_is_reserved_is_enough_and_not_much_too_much() {
        for (number, (format, query)) in CASES.iter().enumerate() {
            let name = concat!(module_path!(), "::measured");
            let (_, name) = name.split_once("::").unwrap();
            let child = Command::new(std::env::current_exe().unwrap())
                .args([name, "--exact", "--ignored", "--nocapture"])
                .env(CASE, number.to_string())
                // What is freed goes back to the system at once.
                .env("MALLOC_MMAP_THRESHOLD_", "65536")
                .output()
                .unwrap();
            let output = String::from_utf8(child.stdout).unwrap();
            let line = output.lines().find(|line| line.starts_with("needed "));
            let numbers: Vec<u64> = line
                .unwrap_or_else(|| panic!("{output}"))
                .split(' ')
                .filter_map(|word| word.parse().ok())
                .collect();
            let [needed, taken] = numbers[..] else {
                panic!("{output}");
            };
            // Besides pixels there are tables, and memory that the process had before is used again.
            let beside = 2 * 1024 * 1024;
            println!("{format} {query}: {needed} for {taken}");
            assert!(
                taken <= needed + beside,
                "{format} {query}: {needed} for {taken}"
            );
            assert!(
                needed <= 3 * taken,
                "{format} {query}: {needed} for {taken}"
            );
        }
    }
}
