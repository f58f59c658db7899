/* Elementwise kernels: the mathematics of an op is one line at the end; strides, tails, broadcast
 * operands and results of another type are dealt with once, above. Included once per element type. */

/* Elements staged at a time where an operand is not contiguous: 4 operands of 1,024 floats are
 * 16 KiB, half of a small L1. */
#ifndef TK_TILE
#define TK_TILE 1024
#endif

typedef V (*TK_FN(map_fn))(V x, V y, V z, V p, V q);

TK_INLINE void TK_FN(store_mask)(uint8_t *p, M mask)
{
    const TK_FN(bytes) b = v_bytes(mask);
    memcpy(p, &b, sizeof b);
}

TK_INLINE void TK_FN(copy_bools)(uint8_t *to, const uint8_t *from, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = from[i];
}

/* The first of two operands is read whatever the second one holds. A load that a mask decides about waits
 * for what the mask is made of: where both come from memory that took 1.8 times as long. */
TK_INLINE V TK_FN(load_now)(const T *p)
{
    typedef V here __attribute__((aligned(sizeof(T)), may_alias));
    return *(const volatile here *)p;
}

#define EACH(i, first) _Pragma("GCC unroll 4") for (int i = first; i <= nin; i++)
/* n elements of a row, at[0] of f of those at at[1] ...; steps are from one vector to the next, 0 where
 * the same is read again. What is left behind the whole vectors passes through vectors of its own: a
 * loop that asks for each whether it is whole took 1.5 times as long on a Zen 5. Where bools are made
 * of one operand hardly anything is written: what is read is asked for ahead. */
TK_INLINE void TK_FN(map_row)(char *at[4], const int64_t step[4], int64_t n, int streams, V p, V q,
                              TK_FN(map_fn) f, const int nin, const int to_bool, const int where)
{
    const int left = (int)(n % W);
    T part[4][W];
    char *const end = at[0] + (n - left) * (to_bool ? 1 : sizeof(T));
    for (int64_t count = n - left, rest = 0;; count = W) {
        for (int64_t i = 0; i < count; i += W) {
            if (to_bool && nin == 1 && __builtin_expect(streams, 0))
                __builtin_prefetch(at[1] + TK_STREAM_AHEAD);
            const V a = where      ? (V)v_of_bytes((const uint8_t *)at[1])
                        : nin == 2 ? TK_FN(load_now)((const T *)at[1])
                                   : v_load((const T *)at[1]);
            const V b = nin > 1 ? v_load((const T *)at[2]) : p;
            const V c = nin > 2 ? v_load((const T *)at[3]) : p;
            const V result = f(a, b, c, p, q);
            if (to_bool)
                TK_FN(store_mask)((uint8_t *)at[0], (M)result);
            else if (__builtin_expect(streams, 0)) /* bound by memory, not by a jump */
                v_stream((T *)at[0], result);
            else
                v_store((T *)at[0], result);
            EACH(k, 0) at[k] += step[k];
        }
        if (rest || !left)
            break;
        rest = 1;
        streams = 0;
        at[0] = (char *)part[0];
        EACH(k, 1) {
            if (step[k] == 0)
                continue;
            const int bools = k == 1 && where;
            v_store(part[k], bools ? (V){0} : v_load_part((const T *)at[k], left));
            if (bools)
                TK_FN(copy_bools)((uint8_t *)part[1], (const uint8_t *)at[1], left);
            at[k] = (char *)part[k];
        }
    }
    if (left && to_bool)
        TK_FN(copy_bools)((uint8_t *)end, (const uint8_t *)part[0], left);
    else if (left)
        v_store_part((T *)end, v_load(part[0]), left);
}

/* The loop of every elementwise kernel. f, nin, to_bool (the result is a mask) and where (the first
 * operand is one) are constants at each use, so what does not apply is compiled away.
 *
 * An operand that is contiguous along the last dimension is read in place; of one that is expanded
 * along it, one vector is made and read again and again. Others go through a buffer. Rows are taken
 * several at a time, where one of the buffered operands is crossed or none is, or joined to one where
 * they are short. */
TK_INLINE void TK_FN(map_loop)(const void *work, int64_t lo, int64_t hi, TK_FN(map_fn) f,
                               const int nin, const int to_bool, const int where)
{
    const tk_map_work *w = work;
    const int last = w->ndim - 1;
    const int64_t item[4] = {to_bool ? 1 : sizeof(T), where ? 1 : sizeof(T), sizeof(T), sizeof(T)};
    int64_t step[4] = {0}, keep[4] = {-1, -1, -1, -1}, index[TK_MAX_NDIM];
    char *row[4] = {0};
    _Alignas(64) T buffer[4][TK_TILE];
    tk_repeated held = {.n = {0}};
    tk_pieces pieces = {.held = 0};
    int direct = 1, crossed = 0, spread = 0;
    const V p = v_set((T)w->p), q = v_set((T)w->q);
    const int64_t joined = tk_rows_joined(w, nin + 1, item[0], sizeof(T), TK_TILE);
    EACH(i, 0) {
        step[i] = joined ? item[i] : w->stride[i][last];
        if (i > 0 && step[i] == 0) {
            keep[i] = 0;
            spread = 1;
        } else if (step[i] != item[i]) {
            direct = 0;
            crossed |= tk_crossed(w, i);
        }
    }
    const int streams = w->streams && direct && !(to_bool && sizeof(T) == 1) &&
                        (joined || w->size[last] * (int64_t)sizeof(T) >= TK_STREAMED_ROW_BYTES);
    const int64_t limit = joined               ? joined
                          : direct && !streams ? INT64_MAX
                          : crossed            ? TK_CROSSED_ROWS
                                               : 1;
    tk_start_rows(w, lo, index);
    while (lo < hi) {
        int64_t rows = tk_rows_ahead(w, index, hi - lo, limit);
        int64_t n = tk_next_row(w, nin + 1, index, hi - lo, row);
        tk_skip_rows(w, index, rows - 1);
        lo += rows * n;
        if (joined) {
            tk_join_rows(w, nin + 1, rows, n, item, row, (char *)buffer, sizeof *buffer, &held);
            n *= rows;
            rows = 1;
        }
        for (int64_t tile, most = TK_TILE / rows; n > 0; n -= tile) {
            tile = direct || n < most ? n : most;
            int piece = 0;
            if (streams) { /* whole lines go straight to the output, parts of one when it is whole */
                const int64_t line = (int64_t)sizeof pieces.line / item[0];
                const int64_t head = (int64_t)(-(uintptr_t)row[0] % sizeof pieces.line) / item[0];
                const int64_t rest = n < TK_TILE ? n : TK_TILE;
                piece = to_bool || head || n < line; /* a vector makes no line of bools */
                tile = !piece ? n - n % line : head && head < n ? head : rest;
                if (row[0] != pieces.to) /* what waits belongs elsewhere */
                    tk_put_piece(&pieces, row[0], row[0], 0);
            }
            const char *in[4] = {row[0], row[1], row[2], row[3]};
            int64_t down[4] = {0}; /* bytes to the next row */
            if (rows > 1)
                EACH(i, 0) down[i] = w->stride[i][last - 1];
            if (!direct)
                EACH(i, 1) {
                    tk_span span = {rows, tile, down[i], step[i]};
                    if (step[i] == item[i] || !keep[i])
                        continue;
                    tk_gather_span(row[i], &span, buffer[i], item[i]);
                    in[i] = (const char *)buffer[i];
                    down[i] = tile * item[i];
                }
            const int staged = piece || step[0] != item[0];
            char *out = staged ? (char *)buffer[0] : row[0];
            for (int64_t r = 0; r < rows; r++) {
                if (spread)
                    EACH(i, 1) {
                        if (keep[i])
                            continue;
                        if (i == 1 && where)
                            memset(buffer[i], *in[i], W);
                        else
                            v_store(buffer[i], v_set(*(const T *)in[i]));
                    }
                char *at[4] = {out};
                int64_t vector[4] = {W * item[0]};
                EACH(i, 1) {
                    at[i] = keep[i] ? (char *)(uintptr_t)in[i] : (char *)buffer[i];
                    vector[i] = W * item[i] & keep[i];
                }
                TK_FN(map_row)(at, vector, tile, streams && (to_bool || !piece), p, q, f, nin,
                               to_bool, where);
                out += staged ? tile * item[0] : down[0];
                EACH(i, 1) in[i] += down[i];
            }
            if (piece) {
                tk_put_piece(&pieces, row[0], (const char *)buffer[0], tile * item[0]);
            } else if (streams) {
                pieces.to = row[0] + tile * item[0];
            } else if (staged) {
                tk_span span = {rows, tile, down[0], step[0]};
                tk_scatter_span(row[0], &span, buffer[0], item[0]);
            }
            EACH(i, 0)
                row[i] += tile * step[i];
        }
    }
    if (streams)
        tk_end_pieces(&pieces);
}
#undef EACH

#define UNUSED __attribute__((unused))
#define OF(name, expression)                                                                       \
    TK_INLINE V TK_FN(name##_of)(V x UNUSED, V y UNUSED, V z UNUSED, V p UNUSED, V q UNUSED)       \
    {                                                                                              \
        return (V)(expression);                                                                    \
    }
#define MAP(name, nin, to_bool, where, expression)                                                 \
    OF(name, expression)                                                                           \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        TK_FN(map_loop)(work, lo, hi, TK_FN(name##_of), nin, to_bool, where);                      \
    }
#define MAP1(name, expression) MAP(name, 1, 0, 0, expression)
/* with the parameters for which a shorter chain gives the same bits, but for a zero's sign, and with any */
#define MAP1_IF(name, condition, usual, any)                                                       \
    OF(name##_usual, usual)                                                                        \
    OF(name, any)                                                                                  \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        const tk_map_work *w = work;                                                               \
        if (condition)                                                                             \
            TK_FN(map_loop)(work, lo, hi, TK_FN(name##_usual_of), 1, 0, 0);                        \
        else                                                                                       \
            TK_FN(map_loop)(work, lo, hi, TK_FN(name##_of), 1, 0, 0);                              \
    }
#define MAP2(name, expression) MAP(name, 2, 0, 0, expression)
#define MAP3(name, expression) MAP(name, 3, 0, 0, expression)
#define TEST1(name, expression) MAP(name, 1, 1, 0, expression)
#define TEST2(name, expression) MAP(name, 2, 1, 0, expression)
#define ZERO ((V){0})

/* -- every type ------------------------------------------------------------------------------------ */
MAP(where, 3, 0, 1, v_select((M)x, y, z))
MAP2(maximum, v_max(x, y))
MAP2(minimum, v_min(x, y))
MAP2(fmax, v_select((x >= y) | v_isnan(y), x, y))
MAP2(fmin, v_select((x <= y) | v_isnan(y), x, y))
TEST2(eq, x == y)
TEST2(ne, x != y)
TEST2(lt, x < y)
TEST2(le, x <= y)
TEST2(gt, x > y)
TEST2(ge, x >= y)
TEST1(logical_not, x == ZERO)
TEST2(logical_and, (x != ZERO) & (y != ZERO))
TEST2(logical_or, (x != ZERO) | (y != ZERO))
TEST2(logical_xor, (x != ZERO) ^ (y != ZERO))
TEST1(isnan, v_isnan(x))

#if TK_IS_BOOL
MAP2(add, x | y)
MAP2(mul, x & y)
MAP1(bitwise_not, x ^ v_set(1))
#else
MAP1(neg, -x)
MAP1(square, x *x)
MAP1(cube, x *x *x)
MAP1(clamp, v_min(v_max(x, p), q))
MAP2(add, x + y)
MAP2(sub, x - y)
MAP2(squared_error, (x - y) * (x - y))
MAP2(mul, x *y)
MAP3(addcmul, x + p * y * z)
MAP1(relu, v_select((x > ZERO) | v_isnan(x), x, ZERO))
#endif

/* -- integers -------------------------------------------------------------------------------------- */
#if !TK_IS_FLOAT
TEST1(isinf, (M){0})
TEST1(isfinite, ~(M){0})
MAP2(bitwise_and, x &y)
MAP2(bitwise_or, x | y)
MAP2(bitwise_xor, x ^ y)
#endif

#if !TK_IS_FLOAT && !TK_IS_BOOL
#include "divide.h"

/* A negative power of an integer is the truncated fraction: 0 unless the base is 1 or -1. */
TK_INLINE V TK_FN(integer_power)(V base, V exponent)
{
    const V one = v_set(1), odd = exponent & one;
    const M whole = exponent >= ZERO, unit = (base == one) | (base + one == ZERO);
    const V inverse = v_and_mask(unit, v_select(odd != ZERO, base, one));
    V result = one;
    for (V rest = v_and_mask(whole, exponent); v_any(rest != ZERO); rest >>= 1, base *= base)
        result = v_select((rest & one) != ZERO, result * base, result);
    return v_select(whole, result, inverse);
}

/* Shifts by the width or more, or by a negative number, shift everything out. */
TK_INLINE T TK_FN(shifted_left)(T a, T n)
{
    return n < 0 || n >= (T)(8 * sizeof(T)) ? 0 : (T)(a << n);
}

TK_INLINE T TK_FN(shifted_right)(T a, T n)
{
    return n < 0 || n >= (T)(8 * sizeof(T)) ? (a < 0 ? (T)-1 : 0) : (T)(a >> n);
}

MAP1(abs, v_select(x < ZERO, -x, x))
MAP1(sign, v_select(x > ZERO, v_set(1), v_select(x < ZERO, v_set((T)-1), ZERO)))
MAP1(floor, x)
MAP1(ceil, x)
MAP1(round, x)
MAP1(trunc, x)
MAP2(floor_divide, TK_FN(quotient)(x, y, 1))
MAP2(trunc_divide, TK_FN(quotient)(x, y, 0))
MAP2(remainder, x - TK_FN(quotient)(x, y, 1) * y)
MAP2(fmod, x - TK_FN(quotient)(x, y, 0) * y)
MAP2(pow, TK_FN(integer_power)(x, y))
MAP1(bitwise_not, ~x)
MAP2(bitwise_left_shift, v_each2(x, y, TK_FN(shifted_left)))
MAP2(bitwise_right_shift, v_each2(x, y, TK_FN(shifted_right)))
#endif

/* -- floating point -------------------------------------------------------------------------------- */
#if TK_IS_FLOAT
#include "special.h"
#define HALF v_set((T)0.5)
#define ONE v_set((T)1)

TK_INLINE V TK_FN(silu_slope)(V x)
{
    V s = v_sigmoid(x), rest = s * (ONE - s);
    return s + v_select(rest == ZERO, ZERO, x * rest);
}

/* x tanh(log(1 + w)), w = exp(x): n / (n + 2) with n = w (w + 2), which is 1 beyond 40; where w is 0
 * the bound keeps the limit 0, the product of which would be NaN */
TK_INLINE V TK_FN(mish_of_number)(V x)
{
    V w = v_exp(v_at_most(x, 40)), n = w * (w + 2);
    return v_at_least(x, -1000) * (n / (n + 2));
}

/* w / d (w + 2 + 4 x (w + 1) / d), d = n + 2 */
TK_INLINE V TK_FN(mish_slope)(V x)
{
    x = v_at_most(v_at_least(x, -1000), 40);
    V w = v_exp(x), inverse = 1 / (w * (w + 2) + 2);
    return w * inverse * (w + 2 + 4 * x * ((w + 1) * inverse));
}

#define SIXTH v_set((T)(1.0 / 6.0))
#define THREE v_set((T)3)

TK_INLINE V TK_FN(hardswish_slope)(V x)
{
    V bent = x * v_set((T)(1.0 / 3.0)) + HALF;
    return v_select(x <= -THREE, ZERO, v_select(x >= THREE, ONE, bent));
}

#define SELU_SCALE v_set((T)1.0507009873554804934193349852946)
#define SELU_ALPHA v_set((T)1.6732632423543772848170429916717)

TEST1(isinf, v_abs(x) == v_set((T)INFINITY))
TEST1(isfinite, v_abs(x) < v_set((T)INFINITY))
TEST1(outside_unit, (x < ZERO) | (x > ONE))
MAP1(abs, v_abs(x))
MAP1(sign, v_select(x > ZERO, ONE, v_select(x < ZERO, -ONE, ZERO)))
MAP1(reciprocal, ONE / x)
MAP1(inverse_square, ONE / (x * x))
MAP1(floor, v_floor(x))
MAP1(ceil, v_ceil(x))
MAP1(round, v_rint(x))
MAP1(trunc, v_trunc(x))
#define LARGEST v_set((T)(sizeof(T) == 8 ? __DBL_MAX__ : (double)__FLT_MAX__))
MAP1(nan_to_num, v_select(v_isnan(x), p, v_min(v_max(x, -LARGEST), LARGEST)))
#undef LARGEST
MAP2(div, x / y)
MAP2(floor_divide, v_floor_divide(x, y))
MAP2(trunc_divide, v_trunc(x / y))
MAP2(remainder, v_remainder(x, y))
MAP2(fmod, v_fmod(x, y))
MAP2(pow, v_pow(x, y))
MAP3(addcdiv, x + p * y / z)
MAP3(lerp, v_select(v_abs(z) < HALF, x + z * (y - x), y - (y - x) * (ONE - z)))
MAP1(sqrt, v_sqrt(x))
MAP1(rsqrt, v_rsqrt(x))
MAP1(exp, v_exp(x))
MAP1(exp2, v_exp2(x))
MAP1(expm1, v_expm1(x))
MAP1(log, v_log(x))
MAP1(log2, v_log2(x))
MAP1(log10, v_log10(x))
MAP1(log1p, v_log1p(x))
MAP1(sin, v_sin(x))
MAP1(cos, v_cos(x))
MAP1(tan, v_tan(x))
MAP1(tanh, v_tanh(x))
MAP1(sigmoid, v_sigmoid(x))
MAP1(erf, v_erf(x))
MAP1(erfc, v_erfc(x))
MAP1(asin, v_asin(x))
MAP1(acos, v_acos(x))
MAP1(atan, v_atan(x))
MAP2(atan2, v_atan2(x, y))
MAP1(sinh, v_sinh(x))
MAP1(cosh, v_cosh(x))
MAP1(asinh, v_asinh(x))
MAP1(acosh, v_acosh(x))
MAP1(atanh, v_atanh(x))
MAP1(frac, x - v_trunc(x))
MAP1(erfinv, TK_FN(inverse_erf)(x))
MAP1(lgamma, v_lgamma(x))
MAP1(digamma, TK_FN(digamma_vector)(x))
MAP1(polygamma, TK_FN(polygamma_vector)(x, (double)p[0]))
MAP1(sinc, TK_FN(cardinal_sine)(x))
MAP1(logit, v_log(x / (ONE - x)))
MAP2(copysign, v_copysign(x, y))
MAP2(hypot, TK_FN(hypotenuse)(x, y))
MAP2(logaddexp, TK_FN(log_sum)(x, y, 0))
MAP2(logaddexp2, TK_FN(log_sum)(x, y, 1))
MAP2(xlogy, v_select(v_isnan(y), y, v_select(x == ZERO, ZERO, x *v_log(y))))
MAP2(binary_entropy,
     -(y * v_max(v_log(x), v_set(-100)) + (ONE - y) * v_max(v_log(ONE - x), v_set(-100))))

/* A number that is so in T, too, as are its products with what is not extreme. */
TK_INLINE int TK_FN(is_moderate)(double factor)
{
    return factor >= 0x1p-100 && factor <= 0x1p100;
}

/* Activations; x is the gradient and y what was saved in the *_backward rows. */
MAP2(relu_backward, v_select(y <= ZERO, v_and_mask(v_isnan(x), x), x))
MAP1(leaky_relu, v_select(x > ZERO, x, p * x))
MAP2(leaky_relu_backward, v_select(y > ZERO, x, p * x))
MAP1_IF(elu, TK_FN(is_moderate)(w->p) && TK_FN(is_moderate)(w->q),
        v_at_least(x, 0) + p *TK_FN(expm1_below)(v_at_most(x *q, 0)),
        v_select(x > ZERO, x, p *v_expm1(x *q)))
MAP2(elu_backward, v_select(y > ZERO, x, x *p *q *v_exp(y *q)))
MAP1(selu, SELU_SCALE *(v_at_least(x, 0) + SELU_ALPHA *TK_FN(expm1_below)(v_at_most(x, 0))))
MAP2(selu_backward, x *SELU_SCALE *v_select(y > ZERO, ONE, SELU_ALPHA *v_exp(y)))
MAP1(gelu, v_gelu(x))
MAP2(gelu_backward, x *v_gelu_slope(y))
MAP1(gelu_tanh, v_gelu_tanh(x))
MAP2(gelu_tanh_backward, x *v_gelu_tanh_slope(y))
MAP1(silu, v_silu(x))
MAP2(silu_backward, x *TK_FN(silu_slope)(y))
MAP1_IF(softplus, w->p == 1, v_less(q, x, x, v_softplus(x)), v_less(q, x *p, x, v_softplus(x *p) / p))
MAP2(softplus_backward, v_select(y *p > q, x, x *v_sigmoid(y *p)))
MAP1(logsigmoid, -v_softplus(-x))
MAP2(logsigmoid_backward, x *v_sigmoid(-y))
MAP1(mish, TK_FN(mish_of_number)(x))
MAP2(mish_backward, x *TK_FN(mish_slope)(y))
MAP1(softsign, v_select(v_abs(x) == v_set((T)INFINITY), v_copysign(ONE, x), x / (ONE + v_abs(x))))
MAP2(softsign_backward, x / ((ONE + v_abs(y)) * (ONE + v_abs(y))))
MAP1(hardsigmoid, v_min(v_max(x + THREE, ZERO), v_set((T)6)) * SIXTH)
MAP2(hardsigmoid_backward, v_select((v_abs(y) < THREE) | v_isnan(y), x *SIXTH, ZERO))
MAP1(hardswish, x *v_min(v_max(x + THREE, ZERO), v_set((T)6)) * SIXTH)
MAP2(hardswish_backward, x *TK_FN(hardswish_slope)(y))
MAP1(threshold, v_select(x <= p, q, x))
MAP2(threshold_backward, v_select(y <= p, ZERO, x))
MAP1(hardshrink, v_select(v_abs(x) <= p, ZERO, x))
MAP1(softshrink, v_select(x > p, x - p, v_select(x < -p, x + p, v_select(v_isnan(x), x, ZERO))))
MAP2(hardshrink_backward, v_select(v_abs(y) <= p, ZERO, x))

/* With the bounded difference c: c (d - c / 2) is d^2 / 2 inside and p (|d| - p / 2) outside. */
#define BOUNDED(d) v_min(v_max(d, -p), p)
MAP2(huber, q *(BOUNDED(x - y) * (x - y - HALF * BOUNDED(x - y))))
MAP3(huber_backward, q *x *BOUNDED(y - z))
#undef BOUNDED

/* Binary cross-entropy's slope at probabilities y; of logits (1 - t) x + log(1 + exp(-x)) and its
 * slope. */
MAP3(binary_entropy_backward, x *((y - z) / v_max(y * (ONE - y), v_set((T)1e-12))))
MAP2(logit_entropy, (ONE - y) * x + v_softplus(-x))
MAP3(logit_entropy_backward, x *(v_sigmoid(y) - z))

MAP2(tanh_backward, x *(ONE - y * y))
MAP2(sigmoid_backward, x *y *(ONE - y))
#undef HALF
#undef ONE
#undef SIXTH
#undef THREE
#undef SELU_SCALE
#undef SELU_ALPHA
#endif

#undef ZERO
#undef MAP
#undef MAP1
#undef MAP1_IF
#undef OF
#undef MAP2
#undef MAP3
#undef TEST1
#undef TEST2
#undef UNUSED
