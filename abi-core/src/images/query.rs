//! From a query to a [`Transform`].

use std::fmt;

use super::parameters::{Format, Transform};
use super::values::{
    Parsed, black_and_white, boolean, color, crop, filter, fit, frame, length, number, optimize,
    orientation, positive, qualities, sharpen, sides, trim_color, upscale,
};

/// A query that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageQuery {
    /// What is to be done. Parameters with an error are not in it.
    pub transform: Transform,
    /// What could not be read or is not supported.
    pub errors: Vec<ParameterError>,
    /// `allow_malformed_query_params`: the transform is to happen in spite of errors.
    pub allow_malformed: bool,
    /// The query that the origin is to see: with `preserve_query_string_on_origin_request`, what is not for the image
    /// optimizer.
    pub origin_query: Option<String>,
    /// Whether the result depends on what the client accepts.
    pub varies_by_accept: bool,
}

/// A parameter that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterError {
    name: String,
    problem: &'static str,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: String = self.name.chars().take(64).collect();
        write!(f, "parameter `{}`: {}", name.escape_default(), self.problem)
    }
}

impl std::error::Error for ParameterError {}

/// Parameters of the image optimizer that this host does not carry out.
const UNSUPPORTED: [&str; 8] = [
    "level", "metadata", "montage", "overlay", "profile", "strip", "t", "viewbox",
];

const NOT_SUPPORTED: &str = "this host does not support it";

/// Reads what the guest's `options` and the `query` of the request's URI ask for. Options win over parameters of the same
/// name; parameters of the query that nobody knows belong to the origin. `accept` is what the client accepts.
#[must_use]
pub fn parse(options: &str, query: &str, accept: &str) -> ImageQuery {
    let mut reader = Reader::default();
    for (name, value, _) in pairs(options) {
        reader.take(name, &value, Source::Options);
    }
    let options: Vec<String> = std::mem::take(&mut reader.seen);
    let mut for_origin = Vec::new();
    for (name, value, pair) in pairs(query) {
        // Of the query, only what is not given as an option too.
        if options.contains(&name) {
            continue;
        }
        if !reader.take(name, &value, Source::Query) {
            for_origin.push(pair);
        }
    }
    let Reader {
        mut read,
        automatic,
        preserves_query,
        ..
    } = reader;
    if preserves_query && !for_origin.is_empty() {
        read.origin_query = Some(for_origin.join("&"));
    }
    if automatic.avif || automatic.webp {
        read.varies_by_accept = true;
        let formats = [
            (Format::Avif, automatic.avif),
            (Format::WebP, automatic.webp),
        ];
        let accepted = formats
            .into_iter()
            .filter(|(format, is_automatic)| *is_automatic && accepts(accept, *format));
        read.transform.accepted = accepted.map(|(format, _)| format).collect();
    }
    read
}

/// Whether a client names a format among what it accepts, with a weight above 0 (RFC 9110 section 12.5.1).
fn accepts(accept: &str, format: Format) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let is_refused = |parameter: &str| {
            let (name, weight) = parameter.split_once('=').unwrap_or_default();
            name.eq_ignore_ascii_case("q") && weight.parse() == Ok(0.0)
        };
        name.eq_ignore_ascii_case(format.media_type()) && !parts.any(is_refused)
    })
}

/// Where a parameter comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Options,
    Query,
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    read: ImageQuery,
    automatic: Automatic,
    preserves_query: bool,
    seen: Vec<String>,
}

/// What may be chosen by what the client accepts.
#[derive(Default)]
struct Automatic {
    avif: bool,
    webp: bool,
}

impl Reader {
    /// Takes a parameter; says whether it is for the image optimizer.
    fn take(&mut self, name: String, value: &str, source: Source) -> bool {
        let problem = if self.seen.contains(&name) {
            "it is given more than once"
        } else {
            match self.set(&name, value) {
                Ok(true) => {
                    self.seen.push(name);
                    return true;
                }
                Ok(false) if UNSUPPORTED.contains(&name.as_str()) => NOT_SUPPORTED,
                Ok(false) if source == Source::Options => "there is no such parameter",
                Ok(false) => return false,
                Err(problem) => problem,
            }
        };
        self.seen.push(name.clone());
        self.read.errors.push(ParameterError { name, problem });
        true
    }

    /// Takes a parameter; says whether it is known.
    fn set(&mut self, name: &str, value: &str) -> Parsed<bool> {
        let transform = &mut self.read.transform;
        match name {
            // Where an image is transformed makes no difference to it.
            "region" => {}
            "allow_malformed_query_params" => self.read.allow_malformed = boolean(value)?,
            "preserve_query_string_on_origin_request" => self.preserves_query = boolean(value)?,
            "frame" => transform.frame = Some(frame(value)?),
            "trim-color" => transform.trim_color = Some(trim_color(value)?),
            "precrop" => transform.precrop = Some(crop(value, true)?),
            "crop" => transform.crop = Some(crop(value, true)?),
            "canvas" => transform.canvas = Some(crop(value, false)?),
            "trim" => transform.trim = Some(sides(value)?),
            "pad" => transform.pad = Some(sides(value)?),
            "orient" => transform.orientation = Some(orientation(value)?),
            "width" => transform.width = Some(length(value)?),
            "height" => transform.height = Some(length(value)?),
            "dpr" => transform.device_pixel_ratio = Some(positive(value, 10.0)?),
            "fit" => transform.fit = Some(fit(value)?),
            "enable" => transform.upscale = upscale(value)?,
            "disable" => transform.upscale = !upscale(value)?,
            "resize-filter" => transform.filter = filter(value)?,
            "bg-color" => transform.background = Some(color(value)?),
            "brightness" => transform.adjustment.brightness = number(value, -100.0, 100.0)?,
            "contrast" => transform.adjustment.contrast = number(value, -100.0, 100.0)?,
            "saturation" => transform.adjustment.saturation = number(value, -100.0, 100.0)?,
            "sharpen" => transform.sharpen = Some(sharpen(value)?),
            "blur" => transform.blur = Some(length(value)?),
            "bw" => transform.black_and_white = Some(black_and_white(value)?),
            "optimize" => transform.optimize = Some(optimize(value)?),
            "quality" => {
                (transform.quality, transform.automatic_webp_quality) = qualities(value)?;
            }
            "format" => self.set_format(value)?,
            "auto" => self.set_automatic(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_format(&mut self, value: &str) -> Parsed<()> {
        let transform = &mut self.read.transform;
        transform.format = Some(match value {
            "auto" => {
                (self.automatic.avif, self.automatic.webp) = (true, true);
                return Ok(());
            }
            "avif" => Format::Avif,
            "gif" => Format::Gif,
            "jpg" | "jpeg" | "bjpg" | "bjpeg" => Format::Jpeg,
            "pjpg" | "pjpeg" => Format::Jpeg,
            "png" => Format::Png,
            "webp" | "webpll" | "webply" => Format::WebP,
            "jxl" | "jpegxl" | "pjxl" | "pjpegxl" | "mp4" | "png8" | "svg" => {
                return Err("this host does not write this format");
            }
            _ => return Err("there is no such format"),
        });
        transform.progressive = value.starts_with("pj");
        transform.lossless = match value {
            "webpll" => Some(true),
            "webply" => Some(false),
            _ => None,
        };
        Ok(())
    }

    fn set_automatic(&mut self, value: &str) -> Parsed<()> {
        for part in value.split(',') {
            match part {
                "avif" => self.automatic.avif = true,
                "webp" => self.automatic.webp = true,
                _ => return Err("the value is neither webp nor avif"),
            }
        }
        Ok(())
    }
}

/// The names and values of a form, and each pair as it was written. What is not percent-encoded stands for itself.
fn pairs(form: &str) -> impl Iterator<Item = (String, String, &str)> {
    let pairs = form.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value), pair)
    })
}

fn decode(text: &str) -> String {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        decoded.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    (high * 16 + low) as u8
                }
                _ => b'%',
            },
            _ => first,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::images::{Area, BlackAndWhite, Length, Offset, Optimize};

    #[test]
    fn options_win_over_the_query() {
        let read = parse(
            "region=us_east&width=50p&crop=1%3A1%2Cx30%2Csafe",
            "width=10&height=7&id=4",
            "",
        );
        assert_eq!(read.errors, []);
        assert_eq!(read.transform.width, Some(Length::Percent(50.0)));
        assert_eq!(read.transform.height, Some(Length::Pixels(7.0)));
        let crop = read.transform.crop.unwrap();
        assert_eq!(crop.area, Area::Ratio(1.0, 1.0));
        assert_eq!(crop.x, Offset::At(Length::Pixels(30.0)));
        assert!(crop.safe);
        assert_eq!(
            parse("crop=1:1,x30,safe", "", "").transform.crop,
            Some(crop)
        );
    }

    #[test]
    fn errors_name_the_parameter() {
        for (options, query) in [
            ("", "width=x"),
            ("height=-1", ""),
            ("montage=a", ""),
            ("metadata=copyright", ""),
            ("level=2.0", ""),
            ("profile=high", ""),
            ("", "bw=grey"),
            ("bw=atkinson,3", ""),
            ("unknown=1", ""),
            ("format=jpegxl", ""),
            ("format=mp4", ""),
            ("resize-filter=lanczos4", ""),
            ("frame=0", ""),
            ("trim-color=fff,t2", ""),
            ("optimize=some", ""),
            ("dpr=0", ""),
            ("width=1&width=2", ""),
            ("", "width=1&width=1"),
            ("crop=1:1,smart", ""),
            ("orient=9", ""),
            ("dpr=NaN", ""),
            ("bg-color=12", ""),
            ("quality=101", ""),
            ("sharpen=1", ""),
            ("pad=1,2,3,4,5", ""),
        ] {
            let read = parse(options, query, "");
            let name = format!("{options}{query}");
            let name = name.split('=').next().unwrap();
            let [error] = &read.errors[..] else {
                panic!("{options} {query}: {:?}", read.errors)
            };
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn what_the_sdks_send_is_read() {
        let read = parse(
            "region=us_east&bg-color=0%2C255%2C0%2C0.3&blur=50.0&bw=threshold%2C10&dpr=3.2&frame=1&optimize=high&orient=4\
             &pad=10p%2C10p%2C10p%2C10p&sharpen=a5%2Cr0.5%2Ct1&trim-color=255%2C0%2C0%2C1.0%2Ct0.5&format=avif&quality=0",
            "",
            "",
        );
        assert_eq!(read.errors, []);
        let transform = read.transform;
        assert_eq!(transform.pad, Some([Length::Percent(10.0); 4]));
        assert_eq!(
            transform.black_and_white,
            Some(BlackAndWhite::Threshold(10.0))
        );
        let trim = transform.trim_color.unwrap();
        assert_eq!(trim.threshold, 0.5);
        assert_eq!(trim.color.unwrap().rgb, [255, 0, 0]);
        assert_eq!(transform.optimize, Some(Optimize::High));
        assert_eq!(transform.format, Some(Format::Avif));
        assert_eq!(transform.quality, Some(1));
    }

    /// As the SDK for JavaScript writes numbers.
    #[test]
    fn numbers_may_have_zeros_behind_them() {
        let read = parse(
            "blur=2.500000&brightness=-5.000000&canvas=200%2C50.000000p%2Cx3%2Coffset-y10.000000&dpr=1.500000\
             &crop=4.000000%3A3.000000%2Csafe&pad=1%2C4%2C2.000000p%2C3&sharpen=a1.500000%2Cr0.500000%2Ct3\
             &trim-color=1%2C2%2C3%2C0.500000%2Ct0.250000&bg-color=abc&disable=upscale",
            "",
            "",
        );
        assert_eq!(read.errors, []);
        let transform = read.transform;
        let canvas = transform.canvas.unwrap();
        assert_eq!(
            canvas.area,
            Area::Size(Length::Pixels(200.0), Length::Percent(50.0))
        );
        assert_eq!(canvas.y, Offset::Share(10.0));
        assert_eq!(transform.crop.unwrap().area, Area::Ratio(4.0, 3.0));
        assert_eq!(transform.trim_color.unwrap().threshold, 0.25);
        assert!(!transform.upscale);
    }

    #[test]
    fn formats_have_kinds() {
        let of = |format: &str| parse(&format!("format={format}"), "", "").transform;
        let kind = |format| {
            let transform = of(format);
            (
                transform.format.unwrap(),
                transform.progressive,
                transform.lossless,
            )
        };
        assert_eq!(kind("pjpg"), (Format::Jpeg, true, None));
        assert_eq!(kind("bjpeg"), (Format::Jpeg, false, None));
        assert_eq!(kind("webp"), (Format::WebP, false, None));
        assert_eq!(kind("webply"), (Format::WebP, false, Some(false)));
        assert_eq!(kind("webpll"), (Format::WebP, false, Some(true)));
    }

    #[test]
    fn automatic_formats_depend_on_the_client() {
        let read = parse("auto=avif,webp&format=jpg", "", "text/html, image/webp");
        assert_eq!(read.transform.accepted, [Format::WebP]);
        assert_eq!(read.transform.format, Some(Format::Jpeg));
        assert!(read.varies_by_accept);
        let read = parse("auto=avif", "", "image/avif,image/webp");
        assert_eq!(read.transform.accepted, [Format::Avif]);
        let read = parse("format=auto", "", "image/webp,image/avif");
        assert_eq!(read.transform.accepted, [Format::Avif, Format::WebP]);
        let refusing = "image/avif;q=0.000, IMAGE/WEBP ; q=0.1";
        let read = parse("format=auto", "", refusing);
        assert_eq!(read.transform.accepted, [Format::WebP]);
        let others = "image/webpx, x-image/webp, image/avif; q=0";
        assert_eq!(parse("format=auto", "", others).transform.accepted, []);
        assert_eq!(parse("format=auto", "", "*/*").transform.accepted, []);
        assert!(!parse("format=avif", "", "image/avif").varies_by_accept);
    }

    #[test]
    fn the_origin_sees_what_is_not_for_the_optimizer() {
        let preserve = "preserve_query_string_on_origin_request=true";
        let query = "width=1&id=4%204&bw=x&token=&height=3";
        assert_eq!(parse("width=2", query, "").origin_query, None);
        let read = parse(preserve, query, "");
        assert_eq!(read.origin_query.as_deref(), Some("id=4%204&token="));
        assert_eq!(parse(preserve, "width=1", "").origin_query, None);
    }

    proptest! {
        #[test]
        fn no_query_panics(options in "\\PC{0,80}", query in "[a-z0-9,:%.&=+-]{0,80}") {
            drop(parse(&options, &query, "image/webp"));
        }

        #[test]
        fn no_value_panics(
            name in "width|crop|canvas|pad|trim|trim-color|bg-color|orient|sharpen|blur|bw|quality|auto|format|dpr|frame",
            value in "[0-9a-fpxyo,:.-]{0,20}|\\PC{0,10}",
        ) {
            let read = parse(&format!("{name}={value}"), "", "");
            for error in read.errors {
                prop_assert!(error.to_string().is_ascii());
            }
        }
    }
}
