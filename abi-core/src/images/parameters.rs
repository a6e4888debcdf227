//! What can be asked for, as types.

/// Everything that is to be done with an image. Nothing, by default: the image is encoded anew in its own format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transform {
    /// `frame` of an animated image, counted from 1; the first one without it.
    pub frame: Option<u32>,
    /// `trim-color`: a border of one colour is taken off before everything else.
    pub trim_color: Option<TrimColor>,
    /// `precrop`: cropping before everything else of this kind.
    pub precrop: Option<Crop>,
    /// `trim`: what is taken off at top, right, bottom and left.
    pub trim: Option<[Length; 4]>,
    /// `crop`.
    pub crop: Option<Crop>,
    /// `orient`, in place of what the image's own metadata say.
    pub orientation: Option<Orientation>,
    /// `width`.
    pub width: Option<Length>,
    /// `height`.
    pub height: Option<Length>,
    /// `dpr`: what width and height are multiplied by, from above 0 to 10. Without width and height, those of the image are.
    pub device_pixel_ratio: Option<f64>,
    /// `fit`, which counts where there are width and height; without it they may distort the image.
    pub fit: Option<Fit>,
    /// `enable=upscale`: whether an image may become larger than it was.
    pub upscale: bool,
    /// `resize-filter`.
    pub filter: Filter,
    /// `pad`: what is put around at top, right, bottom and left.
    pub pad: Option<[Length; 4]>,
    /// `canvas`: the area that the image is put on.
    pub canvas: Option<Crop>,
    /// `bg-color`: what is seen through transparent parts.
    pub background: Option<Color>,
    /// `brightness`, `contrast` and `saturation`.
    pub adjustment: Adjustment,
    /// `sharpen`.
    pub sharpen: Option<Sharpen>,
    /// `blur`: the radius.
    pub blur: Option<Length>,
    /// `bw`: only black and white are left.
    pub black_and_white: Option<BlackAndWhite>,
    /// The formats that `auto` and `format=auto` choose from, best first: those the client accepts. The first that the
    /// transformer can write takes the place of `format`.
    pub accepted: Vec<Format>,
    /// `format`; `None` keeps that of the image.
    pub format: Option<Format>,
    /// Whether JPEG is written progressively: `format=pjpg`.
    pub progressive: bool,
    /// Whether WebP is written without loss, for `webpll` and `webply`; otherwise as the image came.
    pub lossless: Option<bool>,
    /// `quality` of formats with loss, from 1 to 100.
    pub quality: Option<u8>,
    /// The second value of `quality`: that of WebP which was chosen by `auto`.
    pub automatic_webp_quality: Option<u8>,
    /// `optimize`: what counts where there is no quality.
    pub optimize: Option<Optimize>,
}

/// A length along an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// Pixels.
    Pixels(f64),
    /// Percent of the image's length in the same direction.
    Percent(f64),
}

impl Length {
    /// The length in pixels along a side of `side` pixels.
    #[must_use]
    pub fn of(self, side: u32) -> f64 {
        match self {
            Self::Pixels(pixels) => pixels,
            Self::Percent(percent) => f64::from(side) * percent / 100.0,
        }
    }
}

/// The size of an area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Area {
    /// The largest of this ratio of width and height.
    Ratio(f64, f64),
    /// Width and height.
    Size(Length, Length),
}

/// Where an area lies along one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Offset {
    /// In the middle.
    #[default]
    Centre,
    /// So far from the left or the top.
    At(Length),
    /// Where the space left over is divided: 0 percent is left or top, 100 right or bottom.
    Share(f64),
}

/// An area to cut out of an image, or to put it on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    /// How large it is.
    pub area: Area,
    /// Where it lies horizontally.
    pub x: Offset,
    /// Where it lies vertically.
    pub y: Offset,
    /// `safe`: an area that reaches over the image is made smaller, not refused.
    pub safe: bool,
}

/// How an image is turned and mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// As one of the numbers 1 to 8 of Exif says.
    Exif(u8),
}

/// How an image is fitted into width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Within.
    Bounds,
    /// At least as large.
    Cover,
    /// As large, what reaches over being cut off.
    Crop,
}

/// A border to take off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrimColor {
    /// Its colour; that of the pixel in the top left corner for `auto`.
    pub color: Option<Color>,
    /// How much other colours may differ from it, from 0 to 1, which is the difference of any two colours.
    pub threshold: f64,
}

/// How every pixel becomes black or white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BlackAndWhite {
    /// White from this luminance on, from 0 to 100.
    Threshold(f64),
    /// By the dithering of Atkinson.
    Atkinson,
}

/// How much quality may suffer for a smaller file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimize {
    /// Hardly.
    Low,
    /// As long as it is not seen.
    Medium,
    /// A little.
    High,
}

/// How pixels are interpolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// The next pixel.
    Nearest,
    /// Linear in both directions.
    Bilinear,
    /// Cubic.
    Bicubic,
    /// Lanczos with a window of two.
    Lanczos2,
    /// Lanczos with a window of three.
    #[default]
    Lanczos3,
}

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    /// Red, green and blue.
    pub rgb: [u8; 3],
    /// From 0, transparent, to 1.
    pub alpha: f64,
}

/// Changes of colours, each from -100 to 100, where 0 changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Adjustment {
    /// `brightness`.
    pub brightness: f64,
    /// `contrast`.
    pub contrast: f64,
    /// `saturation`.
    pub saturation: f64,
}

/// Unsharp masking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sharpen {
    /// How much, from 0 to 10.
    pub amount: f64,
    /// Of what radius in pixels, from 0.5 to 1000.
    pub radius: f64,
    /// From which difference on, from 0 to 255.
    pub threshold: f64,
}

/// A format of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// AVIF.
    Avif,
    /// GIF.
    Gif,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP, with or without loss.
    WebP,
}

impl Format {
    /// The name of the format in `fastly-io-info`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avif => "avif",
            Self::Gif => "gif",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }

    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Avif => "image/avif",
            Self::Gif => "image/gif",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}
