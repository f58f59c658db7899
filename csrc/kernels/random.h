/* Random numbers. Element i of a launch is made from the group offset + i / (elements a group): 64
 * of them where one word is enough, 32 where two are. Included once per element type. */

TK_INLINE void TK_FN(put)(const tk_random_work *w, int64_t at, int64_t n, const T *from)
{
    const tk_map_work *m = &w->map;
    const int64_t step = m->stride[0][m->ndim - 1];
    if (m->ndim == 1 && step == sizeof(T)) {
        memcpy(m->data[0] + at * (int64_t)sizeof(T), from, (size_t)n * sizeof(T));
        return;
    }
    int64_t index[TK_MAX_NDIM];
    char *row[1];
    tk_start_rows(m, at, index);
    while (n > 0) {
        int64_t part = tk_next_row(m, 1, index, n, row);
        for (int64_t i = 0; i < part; i++)
            *(T *)(row[0] + i * step) = from[i];
        from += part;
        n -= part;
    }
}

/* f makes the elements of one group from its words, or the first few of them. */
TK_INLINE void TK_FN(random_loop)(const void *work, int64_t lo, int64_t hi, const int wide,
                                  void (*f)(const tk_random_work *, const uint32_t *, T *, int64_t))
{
    const tk_random_work *w = work;
    const int64_t each = wide ? TK_GROUP_WORDS / 2 : TK_GROUP_WORDS;
    uint32_t words[TK_GROUP_WORDS];
    T made[TK_GROUP_WORDS];
    for (; lo < hi; lo++) {
        int64_t left = w->numel - lo * each;
        tk_philox_group(w->seed, w->offset + (uint64_t)lo, words);
        f(w, words, made, left);
        TK_FN(put)(w, lo * each, left < each ? left : each, made);
    }
}

#define RANDOM(name, wide)                                                                         \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        TK_FN(random_loop)(work, lo, hi, wide, TK_FN(name##_group));                               \
    }

#if TK_IS_FLOAT
#define WIDE (sizeof(T) == 8)
enum { TK_FN(group_size) = WIDE ? TK_GROUP_WORDS / 2 : TK_GROUP_WORDS };

typedef uint32_t TK_FN(draws) __attribute__((vector_size(TK_VECTOR_BYTES / sizeof(T) * 4)));
typedef int32_t TK_FN(small_draws) __attribute__((vector_size(TK_VECTOR_BYTES / sizeof(T) * 4)));

TK_INLINE TK_FN(draws) TK_FN(load_draws)(const uint32_t *p)
{
    TK_FN(draws) d;
    memcpy(&d, p, sizeof d);
    return d;
}

/* below 2^31, so that the cheap conversion of signed numbers serves */
TK_INLINE V TK_FN(from_draws)(TK_FN(draws) d)
{
    return __builtin_convertvector((TK_FN(small_draws))d, V);
}

/* W draws from element e of a group on, as integers in [0, 2^24) or [0, 2^53), exactly. */
TK_INLINE V TK_FN(whole)(const uint32_t *words, int e)
{
    TK_FN(draws) high = TK_FN(load_draws)(words + e);
    if (!WIDE)
        return TK_FN(from_draws)(high >> 8);
    return TK_FN(from_draws)(high >> 5) * v_set((T)67108864) +
           TK_FN(from_draws)(TK_FN(load_draws)(words + TK_GROUP_WORDS / 2 + e) >> 6);
}

/* The unit interval with every bit of the mantissa: [0, 1). */
TK_INLINE V TK_FN(unit)(const uint32_t *words, int e)
{
    return TK_FN(whole)(words, e) * v_set(WIDE ? (T)0x1p-53 : (T)0x1p-24);
}

/* (0, 1], for logarithms: in float32 all 32 bits are kept, for the sake of the tail. */
TK_INLINE V TK_FN(positive_unit)(const uint32_t *words, int e)
{
    if (WIDE)
        return (TK_FN(whole)(words, e) + v_set(1)) * v_set((T)0x1p-53);
    TK_FN(draws) d = TK_FN(load_draws)(words + e);
    V low = TK_FN(from_draws)(d & 0xffff) + v_set(1);
    return (TK_FN(from_draws)(d >> 16) * v_set((T)65536) + low) * v_set((T)0x1p-32);
}

/* p + (q - p) u may round up to q: the number below q is then the result. */
TK_INLINE void TK_FN(uniform_group)(const tk_random_work *w, const uint32_t *words, T *out,
                                    int64_t wanted)
{
    const T low = (T)w->p, high = (T)w->q;
    const T below = !(low < high) ? low
                    : WIDE        ? (T)nextafter((double)high, (double)low)
                                  : (T)nextafterf((float)high, (float)low);
    for (int e = 0; e < TK_FN(group_size) && e < wanted; e += W)
        v_store(out + e,
                v_min(TK_FN(unit)(words, e) * v_set(high - low) + v_set(low), v_set(below)));
}

/* Box and Muller 1958: two uniform numbers give two normal ones, the second half a group away. */
TK_INLINE void TK_FN(normal_group)(const tk_random_work *w, const uint32_t *words, T *out,
                                   int64_t wanted)
{
    const V mean = v_set((T)w->p), std = v_set((T)w->q);
    const int half = TK_FN(group_size) / 2;
    for (int e = 0; e < half && e < wanted; e += W) {
        V radius = std * v_sqrt(v_set((T)-2) * v_log(TK_FN(positive_unit)(words, e)));
        V angle = v_set((T)6.28318530717958647693) * TK_FN(unit)(words, half + e);
        v_store(out + e, mean + radius * v_cos(angle));
        v_store(out + half + e, mean + radius * v_sin(angle));
    }
}

/* -log(u) / p. A u that rounded to 1 stands for the interval above the last number below 1. */
TK_INLINE void TK_FN(exponential_group)(const tk_random_work *w, const uint32_t *words, T *out,
                                        int64_t wanted)
{
    const V least = v_set(WIDE ? (T)0x1p-54 : (T)0x1p-25);
    for (int e = 0; e < TK_FN(group_size) && e < wanted; e += W)
        v_store(out + e, v_max(-v_log(TK_FN(positive_unit)(words, e)), least) / v_set((T)w->p));
}

/* 0 with probability p, else 1 / (1 - p). */
TK_INLINE void TK_FN(dropout_mask_group)(const tk_random_work *w, const uint32_t *words, T *out,
                                         int64_t wanted)
{
    const T kept = w->p < 1 ? (T)(1 / (1 - w->p)) : 0;
    const uint32_t last = (uint32_t)(w->limit - 1);
    (void)wanted;
    for (int e = 0; e < TK_GROUP_WORDS; e++)
        out[e] = ((words[e] <= last) & (w->limit > 0)) ? 0 : kept;
}

RANDOM(uniform, WIDE)
RANDOM(normal, WIDE)
RANDOM(exponential, WIDE)
RANDOM(dropout_mask, 0)
#undef WIDE
#endif

/* 1 where the word is below limit = p 2^32, in [0, 2^32], else 0. */
TK_INLINE void TK_FN(bernoulli_group)(const tk_random_work *w, const uint32_t *words, T *out,
                                      int64_t wanted)
{
    const uint32_t last = (uint32_t)(w->limit - 1);
    (void)wanted;
    for (int e = 0; e < TK_GROUP_WORDS; e++)
        out[e] = (words[e] <= last) & (w->limit > 0);
}

RANDOM(bernoulli, 0)
#undef RANDOM

static void TK_FN(randint)(const void *work, int64_t lo, int64_t hi)
{
    const tk_random_work *w = work;
    const int64_t each = tk_is_wide(w->limit) ? TK_GROUP_WORDS / 2 : TK_GROUP_WORDS;
    uint32_t words[TK_GROUP_WORDS];
    T made[TK_GROUP_WORDS];
    for (; lo < hi; lo++) {
        uint64_t group = w->offset + (uint64_t)lo;
        int64_t left = w->numel - lo * each;
        int n = (int)(left < each ? left : each);
        tk_philox_group(w->seed, group, words);
        for (int e = 0; e < n; e++)
            made[e] = (T)((int64_t)tk_draw_below(w->seed, group, e, words, w->limit) + w->low);
        TK_FN(put)(w, lo * each, n, made);
    }
}

#if !TK_IS_FLOAT && !TK_IS_BOOL
/* Fisher and Yates, as in Knuth's algorithm P; one unit, for every exchange follows on the last. */
static void TK_FN(randperm)(const void *work, int64_t lo, int64_t hi)
{
    const tk_random_work *w = work;
    const int64_t each = tk_is_wide((uint64_t)w->numel) ? TK_GROUP_WORDS / 2 : TK_GROUP_WORDS;
    T *out = (T *)w->map.data[0];
    uint32_t words[TK_GROUP_WORDS];
    if (lo == hi)
        return;
    for (int64_t i = 0; i < w->numel; i++)
        out[i] = (T)i;
    uint64_t group = w->offset;
    for (int64_t left = w->numel, e = each; left > 1; left--, e++) {
        if (e == each) {
            tk_philox_group(w->seed, group++, words);
            e = 0;
        }
        int64_t other = (int64_t)tk_draw_below(w->seed, group - 1, (int)e, words, (uint64_t)left);
        T last = out[left - 1];
        out[left - 1] = out[other];
        out[other] = last;
    }
}
#endif
