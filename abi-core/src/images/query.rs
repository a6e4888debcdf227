//! From a query to a [`Transform`].

use std::fmt;

use super::parameters::{
    Area, Color, Crop, Filter, Fit, Format, Length, Offset, Orientation, Sharpen, Transform,
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
    /// `preserve_query_string_on_origin_request`: the origin is to see the query.
    pub preserve_query: bool,
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
const UNSUPPORTED: [&str; 11] = [
    "bw",
    "frame",
    "level",
    "metadata",
    "montage",
    "optimize",
    "profile",
    "strip",
    "t",
    "trim-color",
    "viewbox",
];

/// Reads what the guest's `options` and the `query` of the request's URI ask for. Options win over parameters of the same
/// name; parameters of the query that nobody knows belong to the origin. `accept` is what the client accepts.
#[must_use]
pub fn parse(options: &str, query: &str, accept: &str) -> ImageQuery {
    let options = pairs(options);
    let mut read = ImageQuery::default();
    let mut auto = Automatic::default();
    let given = |name: &str| options.iter().any(|(other, _)| other == name);
    let query = pairs(query).into_iter().filter(|(name, _)| !given(name));
    let all = options
        .iter()
        .map(|(name, value)| (name.clone(), value.clone(), true));
    for (name, value, is_option) in all.chain(query.map(|(name, value)| (name, value, false))) {
        let problem = match set(&mut read, &mut auto, &name, &value) {
            Ok(true) => continue,
            Ok(false) if UNSUPPORTED.contains(&name.as_str()) => "this host does not support it",
            Ok(false) if is_option => "there is no such parameter",
            Ok(false) => continue,
            Err(problem) => problem,
        };
        read.errors.push(ParameterError { name, problem });
    }
    if auto.format || auto.webp {
        read.varies_by_accept = true;
        if accept.to_ascii_lowercase().contains("image/webp") {
            read.transform.format = Some(Format::WebP);
        }
    }
    read
}

/// What is chosen by what the client accepts.
#[derive(Default)]
struct Automatic {
    format: bool,
    webp: bool,
}

type Parsed<T> = Result<T, &'static str>;

/// Takes a parameter; says whether it is known.
fn set(read: &mut ImageQuery, auto: &mut Automatic, name: &str, value: &str) -> Parsed<bool> {
    let transform = &mut read.transform;
    match name {
        // Where an image is transformed makes no difference to it.
        "region" => {}
        "allow_malformed_query_params" => read.allow_malformed = boolean(value)?,
        "preserve_query_string_on_origin_request" => read.preserve_query = boolean(value)?,
        "precrop" => transform.precrop = Some(crop(value, true)?),
        "crop" => transform.crop = Some(crop(value, true)?),
        "canvas" => transform.canvas = Some(crop(value, false)?),
        "trim" => transform.trim = Some(sides(value)?),
        "pad" => transform.pad = Some(sides(value)?),
        "orient" => transform.orientation = Some(orientation(value)?),
        "width" => transform.width = Some(length(value)?),
        "height" => transform.height = Some(length(value)?),
        "dpr" => transform.device_pixel_ratio = Some(number(value, 1.0, 10.0)?),
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
        "quality" => transform.quality = Some(quality(value)?),
        "format" => match format(value)? {
            Some(format) => transform.format = Some(format),
            None => auto.format = true,
        },
        "auto" => auto.webp |= automatic(value)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The names and values of a form. What is not percent-encoded stands for itself.
fn pairs(form: &str) -> Vec<(String, String)> {
    let pairs = form.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
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

fn boolean(value: &str) -> Parsed<bool> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("the value is neither true nor false"),
    }
}

fn number(value: &str, min: f64, max: f64) -> Parsed<f64> {
    let number: f64 = value.parse().map_err(|_| "the value is not a number")?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err("the number is out of range")
    }
}

/// The largest number of pixels that a length can say.
const PIXELS_MAX: f64 = 65_536.0;

/// Pixels, percent with a `p`, or below 1 a share.
fn length(value: &str) -> Parsed<Length> {
    if let Some(percent) = value.strip_suffix('p') {
        return Ok(Length::Percent(number(percent, 0.0, 10_000.0)?));
    }
    let number = number(value, 0.0, PIXELS_MAX)?;
    Ok(if number > 0.0 && number < 1.0 {
        Length::Percent(number * 100.0)
    } else {
        Length::Pixels(number)
    })
}

/// One to four lengths, as CSS has them for margins.
fn sides(value: &str) -> Parsed<[Length; 4]> {
    let sides: Vec<Length> = value.split(',').map(length).collect::<Parsed<_>>()?;
    match sides[..] {
        [all] => Ok([all; 4]),
        [vertical, horizontal] => Ok([vertical, horizontal, vertical, horizontal]),
        [top, horizontal, bottom] => Ok([top, horizontal, bottom, horizontal]),
        [top, right, bottom, left] => Ok([top, right, bottom, left]),
        _ => Err("it takes one to four sides"),
    }
}

fn crop(value: &str, has_mode: bool) -> Parsed<Crop> {
    let mut parts = value.split(',');
    let first = parts.next().unwrap_or_default();
    let area = match first.split_once(':') {
        Some((width, height)) => {
            let side = |side| number(side, 0.001, PIXELS_MAX);
            Area::Ratio(side(width)?, side(height)?)
        }
        None => {
            let height = parts.next().ok_or("it takes a width and a height")?;
            Area::Size(length(first)?, length(height)?)
        }
    };
    let (mut x, mut y, mut safe) = (Offset::Centre, Offset::Centre, false);
    for part in parts {
        if let Some(share) = part.strip_prefix("offset-x") {
            x = share_of(share)?;
        } else if let Some(share) = part.strip_prefix("offset-y") {
            y = share_of(share)?;
        } else if let Some(at) = part.strip_prefix('x') {
            x = Offset::At(length(at)?);
        } else if let Some(at) = part.strip_prefix('y') {
            y = Offset::At(length(at)?);
        } else {
            match part {
                "safe" if has_mode => safe = true,
                "smart" if has_mode => return Err("this host does not support `smart`"),
                _ => return Err("there is a part that is no position"),
            }
        }
    }
    Ok(Crop { area, x, y, safe })
}

fn share_of(value: &str) -> Parsed<Offset> {
    let value = value.strip_suffix('p').unwrap_or(value);
    Ok(Offset::Share(number(value, 0.0, 100.0)?))
}

fn orientation(value: &str) -> Parsed<Orientation> {
    Ok(Orientation::Exif(match value {
        "1" => 1,
        "h" | "2" => 2,
        "hv" | "vh" | "3" => 3,
        "v" | "4" => 4,
        "5" => 5,
        "r" | "6" => 6,
        "7" => 7,
        "l" | "8" => 8,
        _ => return Err("there is no such orientation"),
    }))
}

fn fit(value: &str) -> Parsed<Fit> {
    match value {
        "bounds" => Ok(Fit::Bounds),
        "cover" => Ok(Fit::Cover),
        "crop" => Ok(Fit::Crop),
        _ => Err("the value is none of bounds, cover and crop"),
    }
}

fn upscale(value: &str) -> Parsed<bool> {
    match value {
        "upscale" => Ok(true),
        _ => Err("this host knows only `upscale`"),
    }
}

fn filter(value: &str) -> Parsed<Filter> {
    match value {
        "nearest" => Ok(Filter::Nearest),
        "bilinear" | "linear" => Ok(Filter::Bilinear),
        "bicubic" | "cubic" => Ok(Filter::Bicubic),
        "lanczos3" | "lanczos" => Ok(Filter::Lanczos3),
        _ => Err("this host knows only nearest, bilinear, bicubic and lanczos3"),
    }
}

/// `rgb` and `rrggbb` in hexadecimal, or `red,green,blue` with or without an alpha.
fn color(value: &str) -> Parsed<Color> {
    const INVALID: &str = "the value is not a colour";
    if value.contains(',') {
        let parts: Vec<&str> = value.split(',').collect();
        let (rgb, alpha) = match parts[..] {
            [r, g, b] => ([r, g, b], 1.0),
            [r, g, b, alpha] => ([r, g, b], number(alpha, 0.0, 1.0)?),
            _ => return Err(INVALID),
        };
        let mut color = [0; 3];
        for (byte, text) in color.iter_mut().zip(rgb) {
            *byte = text.parse().map_err(|_| INVALID)?;
        }
        return Ok(Color { rgb: color, alpha });
    }
    let digits: Option<Vec<u32>> = value.chars().map(|digit| digit.to_digit(16)).collect();
    let rgb = match digits.as_deref() {
        Some(&[r, g, b]) => [r * 17, g * 17, b * 17],
        Some(&[r, r2, g, g2, b, b2]) => [r * 16 + r2, g * 16 + g2, b * 16 + b2],
        _ => return Err(INVALID),
    };
    Ok(Color {
        rgb: rgb.map(|part| part as u8),
        alpha: 1.0,
    })
}

fn sharpen(value: &str) -> Parsed<Sharpen> {
    let parts: Vec<&str> = value.split(',').collect();
    let amount = |text: &str| number(text.strip_prefix('a').unwrap_or(text), 0.0, 10.0);
    let radius = |text: &str| number(text.strip_prefix('r').unwrap_or(text), 1.0, 1_000.0);
    let threshold = |text: &str| number(text.strip_prefix('t').unwrap_or(text), 0.0, 255.0);
    match parts[..] {
        [a, r, t] => Ok(Sharpen {
            amount: amount(a)?,
            radius: radius(r)?,
            threshold: threshold(t)?,
        }),
        _ => Err("it takes an amount, a radius and a threshold"),
    }
}

/// The first of two numbers; the second is for lossy WebP, which this host does not write.
fn quality(value: &str) -> Parsed<u8> {
    let (first, second) = value.split_once(',').unwrap_or((value, "0"));
    number(second, 0.0, 100.0)?;
    Ok(number(first, 0.0, 100.0)?.round() as u8)
}

/// The format; `None` for `auto`.
fn format(value: &str) -> Parsed<Option<Format>> {
    Ok(Some(match value {
        "auto" => return Ok(None),
        "gif" => Format::Gif,
        "jpg" | "jpeg" | "bjpg" | "bjpeg" => Format::Jpeg,
        "png" => Format::Png,
        "webp" | "webpll" => Format::WebP,
        _ => return Err("this host writes gif, jpg, bjpg, png, webp (without loss) and webpll"),
    }))
}

/// Whether WebP is among the formats. AVIF may be, and is never chosen.
fn automatic(value: &str) -> Parsed<bool> {
    let mut webp = false;
    for part in value.split(',') {
        match part {
            "webp" => webp = true,
            "avif" => {}
            _ => return Err("the value is neither webp nor avif"),
        }
    }
    Ok(webp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            ("", "bw=atkinson"),
            ("unknown=1", ""),
            ("format=avif", ""),
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
    fn automatic_formats_depend_on_the_client() {
        let read = parse("auto=avif,webp&format=jpg", "", "text/html, image/webp");
        assert_eq!(read.transform.format, Some(Format::WebP));
        assert!(read.varies_by_accept);
        let read = parse("auto=avif,webp&format=jpg", "", "image/avif");
        assert_eq!(read.transform.format, Some(Format::Jpeg));
        assert_eq!(parse("format=auto", "", "*/*").transform.format, None);
    }

    proptest! {
        #[test]
        fn no_query_panics(options in "\\PC{0,80}", query in "[a-z0-9,:%.&=+-]{0,80}") {
            drop(parse(&options, &query, "image/webp"));
        }

        #[test]
        fn no_value_panics(
            name in "width|crop|canvas|pad|trim|bg-color|orient|sharpen|blur|quality|auto|format|dpr",
            value in "[0-9a-fpxyo,:.-]{0,20}|\\PC{0,10}",
        ) {
            let read = parse(&format!("{name}={value}"), "", "");
            for error in read.errors {
                prop_assert!(error.to_string().is_ascii());
            }
        }
    }
}
