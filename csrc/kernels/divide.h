/* Division of integers by that of floats; included by map.h once per integer type.
 *
 * A quotient a / b that is not whole is further from the next integer k than its rounding moves it:
 * |k - a / b| >= 1 / |b|, which is more of k than half a last place as long as |a| + |b| is less
 * than 1 / epsilon. That holds for bytes in single precision, for int32 in double, and for int64
 * below 2^51; beyond, where hardly anybody is, lane by lane.
 */
TK_INLINE T TK_FN(truncated_quotient)(T a, T b)
{
    if (b == 0 || b + 1 == 0) /* promoted, so that the 255 of uint8 is not taken for -1 */
        return b == 0 ? 0 : (T)-a;
    return a / b;
}

TK_INLINE T TK_FN(floor_quotient)(T a, T b)
{
    T quotient = TK_FN(truncated_quotient)(a, b);
    return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

static __attribute__((noinline, cold, unused)) V TK_FN(quotient_each)(V x, V y, const int floors)
{
    return v_each2(x, y, floors ? TK_FN(floor_quotient) : TK_FN(truncated_quotient));
}

/* the quotient as an integer in the low bits of 1.5 2^52 */
TK_INLINE M_f64 TK_FN(whole)(V_f64 a, V_f64 b, const int floors)
{
    V_f64 q = a / b;
    return (M_f64)((floors ? v_floor_f64(q) : v_trunc_f64(q)) + 0x1.8p52);
}

/* the int32s in the low halves of 64 bits */
TK_INLINE V_f64 TK_FN(low_half)(M_f64 x)
{
    const int64_t low = INT64_C(0xffffffff), top = INT64_C(1) << 31, bits = INT64_C(0x433) << 52;
    return (V_f64)(((x & low) ^ top) | bits) - (0x1p52 + 0x1p31);
}

/* x / y toward zero, or toward minus infinity. A divisor of zero is refused by the door; here it
 * only must not trap, nor must MIN / -1. */
TK_INLINE V TK_FN(quotient)(V x, V y, const int floors)
{
    typedef uint64_t Wide __attribute__((vector_size(TK_VECTOR_BYTES)));
    typedef uint32_t Word __attribute__((vector_size(TK_VECTOR_BYTES)));
    if (sizeof(T) == 8) {
        const int64_t bits = INT64_C(0x4338) << 48, most = INT64_C(1) << 51; /* bits of 1.5 2^52 */
        M_f64 a = (M_f64)x, b = (M_f64)y, beyond = (M_f64)((Wide)((a + most) | (b + most)) >> 52);
        if (__builtin_expect(v_any_f64(beyond != 0), 0))
            return TK_FN(quotient_each)(x, y, floors);
        V_f64 numerator = (V_f64)(a + bits) - 0x1.8p52, divisor = (V_f64)(b + bits) - 0x1.8p52;
        return (V)(TK_FN(whole)(numerator, divisor, floors) - bits);
    }
    if (sizeof(T) == 4) {
        M_f64 x_high = (M_f64)((Wide)x >> 32), y_high = (M_f64)((Wide)y >> 32);
        M_f64 low = TK_FN(whole)(TK_FN(low_half)((M_f64)x), TK_FN(low_half)((M_f64)y), floors);
        M_f64 high = TK_FN(whole)(TK_FN(low_half)(x_high), TK_FN(low_half)(y_high), floors);
        return (V)((low & INT64_C(0xffffffff)) | (high << 32));
    }
    Word quotients = {0};
    for (int shift = 0; shift < 32; shift += 8) {
        M_f32 a = (M_f32)(((Word)x >> shift) & 255), b = (M_f32)(((Word)y >> shift) & 255);
        V_f32 q = __builtin_convertvector(a, V_f32) / __builtin_convertvector(b, V_f32);
        quotients |= ((Word)__builtin_convertvector(q, M_f32) & 255) << shift;
    }
    return (V)quotients;
}
