/* The vector vocabulary for one element type; included once per type (no include guard).
 *
 * Before: TK_SUFFIX, TK_SCALAR (the element type), TK_SIGNED (the signed integer type of the same
 * width) and TK_VECTOR_BYTES (the register width of the instruction set). Only GCC/Clang vector
 * types are used here, so the same text serves SSE2, AVX2, AVX-512 and NEON.
 */
typedef TK_SCALAR T;
typedef TK_SIGNED I;
typedef T V __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef I M __attribute__((vector_size(TK_VECTOR_BYTES)));

TK_INLINE V v_load(const T *p)
{
    V v;
    memcpy(&v, p, sizeof v);
    return v;
}

TK_INLINE void v_store(T *p, V v)
{
    memcpy(p, &v, sizeof v);
}

TK_INLINE void v_stream(T *p, V v)
{
    tk_bytes_stream(p, (tk_bytes)v);
}

/* all ones in the first n lanes */
TK_INLINE M v_first(int n)
{
    M mask;
    memcpy(&mask, tk_ones_then_zeros + 64 - n * (int)sizeof(T), sizeof mask);
    return mask;
}

/* One bit for each byte of a comparison. */
TK_INLINE uint64_t v_bits(M mask)
{
#if defined(__AVX512BW__) && TK_VECTOR_BYTES == 64
    return _mm512_movepi8_mask((__m512i)mask);
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    return (uint32_t)_mm256_movemask_epi8((__m256i)mask);
#elif defined(__SSE2__)
    return (uint32_t)_mm_movemask_epi8((__m128i)mask);
#else
    signed char bytes[TK_VECTOR_BYTES];
    uint64_t bits = 0;
    memcpy(bytes, &mask, sizeof mask);
    for (int i = 0; i < TK_VECTOR_BYTES; i++)
        bits |= (uint64_t)(bytes[i] & 1) << i;
    return bits;
#endif
}

/* 1 or 0 in a byte for each lane of a comparison. Compilers narrow vectors of less than AVX-512 lane
 * by lane: a comparison took 18 times as long. */
typedef uint8_t TK_FN(bytes) __attribute__((vector_size(TK_VECTOR_BYTES / sizeof(T))));
TK_INLINE TK_FN(bytes) v_bytes(M mask)
{
#if defined(__SSE2__) && TK_VECTOR_BYTES <= 32
    if (sizeof(T) >= 4) {
        __m128i half[2];
        memcpy(half, &mask, sizeof mask);
        half[1] = half[TK_VECTOR_BYTES / 32];
        const __m128i low = (__m128i)_mm_shuffle_ps((__m128)half[0], (__m128)half[1], 0x88);
        const __m128i shorts = sizeof(T) == 8 ? _mm_packs_epi32(low, low)
                                              : _mm_packs_epi32(half[0], half[1]);
        const __m128i all = _mm_and_si128(_mm_packs_epi16(shorts, shorts), _mm_set1_epi8(1));
        TK_FN(bytes) few;
        memcpy(&few, &all, sizeof few < sizeof all ? sizeof few : sizeof all);
        return few;
    }
#endif
    return __builtin_convertvector(mask, TK_FN(bytes)) & 1;
}

/* All ones in the lanes whose byte is not 0. Compilers widen bytes lane by lane, too. */
TK_INLINE M v_of_bytes(const uint8_t *p)
{
#if defined(__AVX512BW__) && TK_VECTOR_BYTES == 64
    if (sizeof(T) == 8)
        return (M)_mm512_cvtepi8_epi64(_mm_loadl_epi64((const void *)p)) != 0;
    if (sizeof(T) == 4)
        return (M)_mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p)) != 0;
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    if (sizeof(T) == 8)
        return (M)_mm256_cvtepi8_epi64(_mm_loadu_si32(p)) != 0;
    if (sizeof(T) == 4)
        return (M)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p)) != 0;
#endif
    TK_FN(bytes) b;
    memcpy(&b, p, sizeof b);
    return __builtin_convertvector(b, M) != 0;
}

/* whether any lane of a comparison holds */
TK_INLINE int v_any(M mask)
{
    return v_bits(mask) != 0;
}

/* the first lane where a comparison holds, if any does */
TK_INLINE int v_first_true(M mask)
{
    return __builtin_ctzll(v_bits(mask)) / (int)sizeof(T);
}

/* Loads of the first n <= W elements, n < W of bytes, leave the other lanes zero; neither loads nor stores touch the
 * memory behind them. */
#if defined(__AVX512BW__) && TK_VECTOR_BYTES == 64
TK_INLINE V v_load_part(const T *p, int n)
{
    const uint64_t first = ((uint64_t)1 << n) - 1;
    if (sizeof(T) == 8)
        return (V)_mm512_maskz_loadu_epi64((__mmask8)first, p);
    if (sizeof(T) == 4)
        return (V)_mm512_maskz_loadu_epi32((__mmask16)first, p);
    return (V)_mm512_maskz_loadu_epi8((__mmask64)first, p);
}

TK_INLINE void v_store_part(T *p, V v, int n)
{
    const uint64_t first = ((uint64_t)1 << n) - 1;
    if (sizeof(T) == 8)
        _mm512_mask_storeu_epi64(p, (__mmask8)first, (__m512i)v);
    else if (sizeof(T) == 4)
        _mm512_mask_storeu_epi32(p, (__mmask16)first, (__m512i)v);
    else
        _mm512_mask_storeu_epi8(p, (__mmask64)first, (__m512i)v);
}
#else
TK_INLINE V v_load_part(const T *p, int n)
{
#if defined(__AVX2__) && TK_VECTOR_BYTES == 32
    if (sizeof(T) == 8)
        return (V)_mm256_maskload_epi64((const long long *)p, (__m256i)v_first(n));
    if (sizeof(T) == 4)
        return (V)_mm256_maskload_epi32((const int *)p, (__m256i)v_first(n));
#endif
    T lanes[TK_VECTOR_BYTES / sizeof(T)] = {0};
    for (int i = 0; i < n; i++)
        lanes[i] = p[i];
    return v_load(lanes);
}

TK_INLINE void v_store_part(T *p, V v, int n)
{
#if defined(__AVX2__) && TK_VECTOR_BYTES == 32
    if (sizeof(T) == 8)
        return _mm256_maskstore_epi64((long long *)p, (__m256i)v_first(n), (__m256i)v);
    if (sizeof(T) == 4)
        return _mm256_maskstore_epi32((int *)p, (__m256i)v_first(n), (__m256i)v);
#endif
    for (int i = 0; i < n; i++)
        p[i] = v[i];
}
#endif

/* Lane i becomes lane i + lanes, for i < lanes; the others hold anything. lanes is a constant power
 * of two below W: the steps of a sum across the lanes are W / 2 ... 4, 2, 1. */
TK_INLINE V v_upper(V v, const int lanes)
{
#ifdef __SSE2__
    switch (lanes * (int)sizeof(T)) {
#if TK_VECTOR_BYTES == 64
    case 32:
        return (V)_mm512_castsi256_si512(_mm512_extracti64x4_epi64((__m512i)v, 1));
    case 16:
        return (V)_mm512_castsi128_si512(
            _mm256_extracti128_si256(_mm512_castsi512_si256((__m512i)v), 1));
#define TK_SHIFT(v, bytes) (V) _mm512_bsrli_epi128((__m512i)v, bytes)
#elif TK_VECTOR_BYTES == 32
    case 16:
        return (V)_mm256_castsi128_si256(_mm256_extracti128_si256((__m256i)v, 1));
#define TK_SHIFT(v, bytes) (V) _mm256_bsrli_epi128((__m256i)v, bytes)
#else
#define TK_SHIFT(v, bytes) (V) _mm_bsrli_si128((__m128i)v, bytes)
#endif
    case 8:
        return TK_SHIFT(v, 8);
    case 4:
        return TK_SHIFT(v, 4);
    case 2:
        return TK_SHIFT(v, 2);
    default:
        return TK_SHIFT(v, 1);
    }
#undef TK_SHIFT
#else
    for (int i = 0; i < lanes; i++)
        v[i] = v[i + lanes];
    return v;
#endif
}

/* The elements of p at these places, not of bytes. */
TK_INLINE V v_gather(const T *p, M at)
{
#if defined(__AVX512F__) && TK_VECTOR_BYTES == 64
    return sizeof(T) == 8 ? (V)_mm512_i64gather_epi64((__m512i)at, (const void *)p, 8)
                          : (V)_mm512_i32gather_epi32((__m512i)at, (const void *)p, 4);
#elif defined(__AVX2__) && TK_VECTOR_BYTES == 32
    return sizeof(T) == 8 ? (V)_mm256_i64gather_epi64((const void *)p, (__m256i)at, 8)
                          : (V)_mm256_i32gather_epi32((const void *)p, (__m256i)at, 4);
#else
    V v;
    for (int i = 0; i < W; i++)
        v[i] = p[at[i]];
    return v;
#endif
}

TK_INLINE V v_set(T x)
{
    return x - (V){0}; /* every lane x; minus, because -0.0 - 0.0 keeps its sign */
}

/* a where the mask is all ones, b where it is all zeros */
TK_INLINE V v_select(M mask, V a, V b)
{
    return (V)((mask & (M)a) | (~mask & (M)b));
}

TK_INLINE V v_and_mask(M mask, V a)
{
    return (V)(mask & (M)a);
}

/* Through a function, so that the comparison of integers with themselves passes without a warning. */
TK_INLINE M v_differs(V a, V b)
{
    return a != b;
}

TK_INLINE M v_isnan(V a)
{
    return v_differs(a, a);
}

/* NaN in either operand gives NaN, as PyTorch's maximum and minimum. The processor's own give b
 * where either is NaN, and where both are equal. */
#if defined(__AVX2__) && TK_IS_FLOAT
#if TK_VECTOR_BYTES == 64
#define TK_NAN_OR(op, a, b)                                                                        \
    (sizeof(T) == 8                                                                                \
         ? (V)_mm512_mask_mov_pd(_mm512_##op##_pd((__m512d)(a), (__m512d)(b)),                     \
                                 _mm512_cmp_pd_mask((__m512d)(a), (__m512d)(a), _CMP_UNORD_Q),     \
                                 (__m512d)(a))                                                     \
         : (V)_mm512_mask_mov_ps(_mm512_##op##_ps((__m512)(a), (__m512)(b)),                       \
                                 _mm512_cmp_ps_mask((__m512)(a), (__m512)(a), _CMP_UNORD_Q),       \
                                 (__m512)(a)))
#else
#define TK_NAN_OR(op, a, b)                                                                        \
    (sizeof(T) == 8                                                                                \
         ? (V)_mm256_blendv_pd(_mm256_##op##_pd((__m256d)(a), (__m256d)(b)), (__m256d)(a),         \
                               _mm256_cmp_pd((__m256d)(a), (__m256d)(a), _CMP_UNORD_Q))            \
         : (V)_mm256_blendv_ps(_mm256_##op##_ps((__m256)(a), (__m256)(b)), (__m256)(a),            \
                               _mm256_cmp_ps((__m256)(a), (__m256)(a), _CMP_UNORD_Q)))
#endif
#elif defined(__AVX512BW__) && TK_VECTOR_BYTES == 64 /* integers, of which none is NaN */
#define TK_NAN_OR(op, a, b)                                                                        \
    (sizeof(T) == 8   ? (V)_mm512_##op##_epi64((__m512i)(a), (__m512i)(b))                         \
     : sizeof(T) == 4 ? (V)_mm512_##op##_epi32((__m512i)(a), (__m512i)(b))                         \
                      : (V)_mm512_##op##_epu8((__m512i)(a), (__m512i)(b)))
#elif defined(__AVX2__) && !TK_CAT(TK_IS_I64, TK_SUFFIX)
#define TK_NAN_OR(op, a, b)                                                                        \
    (sizeof(T) == 4 ? (V)_mm256_##op##_epi32((__m256i)(a), (__m256i)(b))                           \
                    : (V)_mm256_##op##_epu8((__m256i)(a), (__m256i)(b)))
#else
#define TK_IS_max >
#define TK_IS_min <
#define TK_NAN_OR(op, a, b) v_select(((a)TK_IS_##op(b)) | v_isnan(a), a, b)
#endif
TK_INLINE V v_max(V a, V b)
{
    return TK_NAN_OR(max, a, b);
}

TK_INLINE V v_min(V a, V b)
{
    return TK_NAN_OR(min, a, b);
}
#undef TK_NAN_OR
#undef TK_IS_max
#undef TK_IS_min

/* The first n elements of a vector, fill in the other lanes; n of any size or sign. */
TK_INLINE V v_load_filled(const T *p, int64_t n, T fill)
{
    if (n >= W)
        return v_load(p);
    if (n <= 0)
        return v_set(fill);
#if defined(__AVX512BW__) && TK_VECTOR_BYTES == 64
    const uint64_t first = ((uint64_t)1 << n) - 1;
    if (sizeof(T) == 8)
        return (V)_mm512_mask_loadu_epi64((__m512i)v_set(fill), (__mmask8)first, p);
    if (sizeof(T) == 4)
        return (V)_mm512_mask_loadu_epi32((__m512i)v_set(fill), (__mmask16)first, p);
#endif
    return v_select(v_first((int)n), v_load_part(p, (int)n), v_set(fill));
}

/* Lane by lane, where no vector form exists. */
TK_INLINE V v_each1(V a, T (*f)(T))
{
    for (int i = 0; i < W; i++)
        a[i] = f(a[i]);
    return a;
}

TK_INLINE V v_each2(V a, V b, T (*f)(T, T))
{
    for (int i = 0; i < W; i++)
        a[i] = f(a[i], b[i]);
    return a;
}

#if TK_IS_FLOAT
/* Rows transposed: to[p*step + i] = from[i*lane + p] for p < count, a multiple of SIDE, and
 * i < rows, which is 1 to SIDE; the places of the rows that are not there take anything. Registers
 * of half AVX-512's width, as twice as many of them are shuffled at a time. */
TK_OUTLINE void v_transpose(T *to, int64_t step, const T *from, int64_t lane, int rows,
                            int64_t count)
{
    const T *r[SIDE];
#pragma GCC unroll 8
    for (int i = 0; i < SIDE; i++)
        r[i] = from + (i < rows ? i : rows - 1) * lane;
#if defined(__AVX2__)
    if (sizeof(T) == 8) {
#define TK_PAIR(i)                                                                                \
    _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd((const double *)(r[i] + p))),        \
                         _mm_loadu_pd((const double *)(r[i + 2] + p)), 1)
        for (int64_t p = 0; p < count; p += 2, to += 2 * step) {
            __m256d x = TK_PAIR(0), y = TK_PAIR(1);
            _mm256_storeu_pd((double *)to, _mm256_unpacklo_pd(x, y));
            _mm256_storeu_pd((double *)(to + step), _mm256_unpackhi_pd(x, y));
        }
#undef TK_PAIR
        return;
    }
#define TK_PAIR(i)                                                                                \
    _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps((const float *)(r[i] + p))),         \
                         _mm_loadu_ps((const float *)(r[i + SIDE / 2] + p)), 1)
    for (int64_t p = 0; p < count; p += 4, to += 4 * step) {
        __m256 x = TK_PAIR(0), y = TK_PAIR(1), z = TK_PAIR(2), w = TK_PAIR(3);
        __m256 xy = _mm256_unpacklo_ps(x, y), zw = _mm256_unpacklo_ps(z, w);
        _mm256_storeu_ps((float *)to, _mm256_shuffle_ps(xy, zw, 0x44));
        _mm256_storeu_ps((float *)(to + step), _mm256_shuffle_ps(xy, zw, 0xee));
        xy = _mm256_unpackhi_ps(x, y);
        zw = _mm256_unpackhi_ps(z, w);
        _mm256_storeu_ps((float *)(to + 2 * step), _mm256_shuffle_ps(xy, zw, 0x44));
        _mm256_storeu_ps((float *)(to + 3 * step), _mm256_shuffle_ps(xy, zw, 0xee));
    }
#undef TK_PAIR
#else
    M low, high;
    for (int i = 0; i < SIDE; i++) {
        low[i] = i / 2 + i % 2 * SIDE;
        high[i] = low[i] + SIDE / 2;
    }
    for (int64_t p = 0; p < count; p += SIDE, to += SIDE * step) {
        V x[SIDE], y[SIDE];
        for (int i = 0; i < SIDE; i++)
            x[i] = v_load(r[i] + p);
        for (int half = 1; half < SIDE; half *= 2) { /* perfect shuffles */
            for (int i = 0; i < SIDE / 2; i++) {
                y[2 * i] = TK_SHUFFLE(x[i], x[i + SIDE / 2], low);
                y[2 * i + 1] = TK_SHUFFLE(x[i], x[i + SIDE / 2], high);
            }
            memcpy(x, y, sizeof x);
        }
        for (int i = 0; i < SIDE; i++)
            v_store(to + i * step, x[i]);
    }
#endif
}
#endif
