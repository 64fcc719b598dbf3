import { codecs, type DType, roundingBound } from "@whittle/core";

/**
 * How far a device's result may be from the reference's: the op's own limit, and what rounding to the result's dtype adds. The limits of ops speak of f32: in f32 the
 * device's last rounding is in them, and only the reference's own comes on top; a 16-bit result is rounded once more on either side, which may be one step of its dtype.
 *
 * Infinity where an overflow on the way may give anything, which only inputs that are all `finite` excuse. A limit of 0 says that nothing is rounded but to the dtype, so
 * that every device must find the same number; infinities and NaN must come out as they are.
 */
export function tolerance(dtype: DType, wanted: number, limit: number, finite: boolean): number {
  if (limit === 0 || Number.isNaN(wanted)) return limit === Infinity && finite ? Infinity : 0;
  if (dtype === "f32") {
    if (limit === Infinity && finite) return Infinity;
    return Number.isFinite(wanted) ? limit + codecs.f32.unit * Math.abs(wanted) : 0;
  }
  const whole = limit + roundingBound(dtype, wanted, limit);
  return finite || Number.isFinite(wanted) ? whole : 0;
}
