/* Reductions: what an op does to a vector is one line at the end. Included once per element type. */

/* Elements are combined pairwise where the sum's chain of roundings would be longer than 64. */
_Static_assert(TK_CHUNK_BYTES / 256 <= 64, "a lane's share of a chunk");

/* Through a function, so that comparing integers with themselves passes without a warning. */
TK_INLINE int TK_FN(other)(T a, T b)
{
    return a != b;
}

typedef V (*TK_FN(prepare_fn))(V x, V pivot);
typedef V (*TK_FN(combine_fn))(V a, V b);

TK_INLINE T TK_FN(lowest)(void)
{
#if TK_IS_FLOAT
    return -(T)INFINITY;
#else
    return (T)-1 > 0 ? 0 : (T)((uint64_t)1 << (8 * sizeof(T) - 1));
#endif
}

TK_INLINE T TK_FN(highest)(void)
{
#if TK_IS_FLOAT
    return (T)INFINITY;
#else
    return (T)~TK_FN(lowest)();
#endif
}

/* A sum (or the like) over all lanes, folded in halves. */
TK_INLINE T TK_FN(fold)(V r, TK_FN(combine_fn) combine)
{
    if (W > 32)
        r = combine(r, v_upper(r, 32));
    if (W > 16)
        r = combine(r, v_upper(r, 16));
    if (W > 8)
        r = combine(r, v_upper(r, 8));
    if (W > 4)
        r = combine(r, v_upper(r, 4));
    if (W > 2)
        r = combine(r, v_upper(r, 2));
    r = combine(r, v_upper(r, 1));
    return r[0];
}

/* Lines whose last foldings run at once, with the same bits: the wide registers are many, and after each
 * of the first steps the lanes of two fit one. */
#if TK_VECTOR_BYTES == 64
#define TOGETHER 4
TK_INLINE void TK_FN(fold_together)(T *out, const V *r, TK_FN(combine_fn) combine)
{
    enum { HALF = W / 2, QUARTER = W / 4 };
    M low = {0}, even = {0}, next = {0};
#pragma GCC unroll 64
    for (int i = 0; i < W; i++) { /* lanes from W on are those of the second vector */
        low[i] = (I)(i < HALF ? i : HALF + i);
        even[i] = (I)(i / QUARTER * HALF + i % QUARTER);
        next[i] = (I)i;
    }
    const V a = combine(TK_SHUFFLE(r[0], r[1], low), TK_SHUFFLE(r[0], r[1], low + HALF));
    const V b = combine(TK_SHUFFLE(r[2], r[3], low), TK_SHUFFLE(r[2], r[3], low + HALF));
    V all = combine(TK_SHUFFLE(a, b, even), TK_SHUFFLE(a, b, even + QUARTER));
#pragma GCC unroll 4
    for (int half = QUARTER / 2; half > 0; half /= 2)
        all = combine(all, TK_SHUFFLE(all, all, next + (I)half));
#pragma GCC unroll 4
    for (int k = 0; k < TOGETHER; k++)
        out[k] = all[k * QUARTER];
}
#else
#define TOGETHER 1
TK_INLINE void TK_FN(fold_together)(T *out, const V *r, TK_FN(combine_fn) combine)
{
    *out = TK_FN(fold)(*r, combine);
}
#endif

/* A block of lanes folded into acc[0]. */
TK_INLINE void TK_FN(fold_vectors)(V acc[TK_VECTORS], TK_FN(combine_fn) combine)
{
#pragma GCC unroll 4
    for (int half = TK_VECTORS / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
        for (int v = 0; v < half; v++)
            acc[v] = combine(acc[v], acc[v + half]);
    }
}

TK_INLINE T TK_FN(fold_block)(V acc[TK_VECTORS], TK_FN(combine_fn) combine)
{
    TK_FN(fold_vectors)(acc, combine);
    return TK_FN(fold)(acc[0], combine);
}

TK_INLINE V TK_FN(added)(V a, V b)
{
    return a + b;
}

/* Asks for what lies ahead of at most TK_LANES elements. */
TK_INLINE void TK_FN(fetch_ahead)(const T *x, int64_t n)
{
    for (int64_t i = 0; i < TK_LANES && i < n; i += 64 / (int64_t)sizeof(T))
        __builtin_prefetch((const char *)(x + i) + TK_AHEAD_BYTES);
}

/* A line's lanes, folded into one vector. identity leaves an accumulator as it is; so does fill, once
 * prepared. */
TK_INLINE V TK_FN(reduce_lanes)(const T *x, int64_t n, V pivot, T identity, T fill,
                                TK_FN(prepare_fn) prepare, TK_FN(combine_fn) combine,
                                const int fetches)
{
    if (fetches)
        TK_FN(fetch_ahead)(x + n / TK_LANES * TK_LANES, n % TK_LANES);
    /* -0 added to 0 is 0; the others leave what comes first as it is */
    const int begins = combine == TK_FN(added);
    if (n <= W) { /* few classes in a row: one vector is enough */
        V some = prepare(v_load_filled(x, n, fill), pivot);
        return begins ? combine(v_set(identity), some) : some;
    }
    /* The elements behind the last full block come first, filled up to one. */
    V acc[TK_VECTORS];
    const T *end = x + n / TK_LANES * TK_LANES;
    n %= TK_LANES;
    TK_EACH_VECTOR(v)
    {
        acc[v] = v_set(identity);
        if (n) {
            const V some = prepare(v_load_filled(end + v * W, n - v * W, fill), pivot);
            acc[v] = begins ? combine(acc[v], some) : some;
        }
    }
    for (; x != end; x += TK_LANES) {
        if (fetches)
            TK_FN(fetch_ahead)(x, TK_LANES);
        TK_EACH_VECTOR(v) acc[v] = combine(acc[v], prepare(v_load(x + v * W), pivot));
    }
    TK_FN(fold_vectors)(acc, combine);
    return acc[0];
}

/* The sum of f(x, y, p) over a line of at most a chunk, in the lanes of reduce_line. f of fill must
 * be 0. The values are kept in out, which may be x or y, unless that is NULL. As many elements from next
 * on are asked for where `fetches`: evenly, while others are computed with. */
typedef V (*TK_FN(line_fn))(V x, V y, V p);

TK_INLINE T TK_FN(sum_chunk)(T *out, const T *x, const T *y, int64_t n, T fill, V p,
                             const T *next, const int fetches, TK_FN(line_fn) f)
{
    enum { LINE = 64 / sizeof(T) };
    V acc[TK_VECTORS];
    const int64_t full = n / TK_LANES * TK_LANES, rest = n - full;
    TK_EACH_VECTOR(v) acc[v] = v_set(0);
    if (rest)
        TK_EACH_VECTOR(v)
        {
            const int64_t at = full + v * W, left = n - at;
            if (left <= 0)
                break;
            if (fetches && v * W % LINE == 0)
                __builtin_prefetch(next + at);
            acc[v] = f(v_load_filled(x + at, left, fill), v_load_filled(y + at, left, 0), p);
            if (out && left >= W)
                v_store(out + at, acc[v]);
            else if (out)
                v_store_part(out + at, acc[v], (int)left);
        }
    for (int64_t i = 0; i < full; i += TK_LANES)
        TK_EACH_VECTOR(v)
        {
            if (fetches && v * W % LINE == 0)
                __builtin_prefetch(next + i + v * W);
            V value = f(v_load(x + i + v * W), v_load(y + i + v * W), p);
            if (out)
                v_store(out + i + v * W, value);
            acc[v] += value;
        }
    return TK_FN(fold_block)(acc, TK_FN(added));
}

/* Of a line of any length: the sums of chunks in double. Nothing is asked for where next is NULL. */
TK_INLINE double TK_FN(sum_line_of)(T *out, const T *x, const T *y, int64_t n, T fill, T p,
                                    const T *next, TK_FN(line_fn) f)
{
    const int64_t chunk = TK_CHUNK_BYTES / sizeof(T);
    double total = 0;
    for (int64_t i = 0, some; i < n; i += some) {
        T *const to = out ? out + i : NULL;
        some = n - i < chunk ? n - i : chunk;
        if (next)
            total += (double)TK_FN(sum_chunk)(to, x + i, y + i, some, fill, v_set(p), next + i, 1, f);
        else
            total += (double)TK_FN(sum_chunk)(to, x + i, y + i, some, fill, v_set(p), NULL, 0, f);
    }
    return total;
}

/* acc[j] for some vectors of columns, or for one of which `left` are there. Of each row so much is read at
 * a time that the processor foresees what comes next: of 24 MB a vector took twice the time of eight. What
 * lies `ahead` bytes further is asked for, unless that is 0; of two rows for the second alone, as the first
 * is a buffer. */
enum { TK_FN(columns_together) = 8 };

TK_INLINE void TK_FN(reduce_column)(T *acc, const T *const *row, const int rows, int64_t j,
                                    const int vectors, const int left, int how, const T *pivot,
                                    T identity, TK_FN(prepare_fn) prepare,
                                    TK_FN(combine_fn) combine, const int pivoted,
                                    const int64_t ahead)
{
#define SOME(p) (left == W ? v_load((p) + j + v * W) : v_load_part((p) + j, left))
#define EACH(v) _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++)
#define ASK(p) if (ahead) __builtin_prefetch((const char *)((p) + j + v * W) + ahead)
    V group[TK_FN(columns_together)], m[TK_FN(columns_together)];
    EACH(v)
    {
        m[v] = pivoted ? SOME(pivot) : (V){0};
        group[v] = prepare(SOME(row[0]), m[v]);
        if (rows != 2)
            ASK(row[0]);
    }
    for (int r = 1; r < rows; r++)
        EACH(v)
        {
            group[v] = combine(group[v], prepare(SOME(row[r]), m[v]));
            ASK(row[r]);
        }
    EACH(v)
    {
        const V a = how & TK_FIRST ? v_set(identity) : SOME(acc);
        group[v] = combine(a, group[v]);
        if (left == W)
            v_store(acc + j + v * W, group[v]);
        else
            v_store_part(acc + j, group[v], left);
    }
#undef ASK
#undef EACH
#undef SOME
}

TK_INLINE void TK_FN(reduce_columns)(T *acc, const char *const *in, const int rows, int64_t n,
                                     int how, const T *pivot, T identity,
                                     TK_FN(prepare_fn) prepare, TK_FN(combine_fn) combine,
                                     const int pivoted, const int64_t ahead)
{
    enum { MANY = TK_FN(columns_together) };
    const T *row[TK_ROW_GROUP];
    int64_t j = 0;
    for (int r = 0; r < rows; r++)
        row[r] = (const T *)in[r];
    for (; !pivoted && j + MANY * W <= n; j += MANY * W) /* the others compute for longer than they read */
        TK_FN(reduce_column)(acc, row, rows, j, MANY, W, how, pivot, identity, prepare, combine,
                             pivoted, ahead);
    for (; j + W <= n; j += W)
        TK_FN(reduce_column)(acc, row, rows, j, 1, W, how, pivot, identity, prepare, combine,
                             pivoted, ahead);
    if (j < n)
        TK_FN(reduce_column)(acc, row, rows, j, 1, (int)(n - j), how, pivot, identity, prepare,
                             combine, pivoted, ahead);
}

TK_INLINE V TK_FN(as_it_is)(V x, V pivot)
{
    (void)pivot;
    return x;
}

TK_INLINE V TK_FN(multiplied)(V a, V b)
{
    return a * b;
}

TK_INLINE V TK_FN(greater)(V a, V b)
{
    return v_max(a, b);
}

TK_INLINE V TK_FN(lesser)(V a, V b)
{
    return v_min(a, b);
}

/* The functions of one kind of accumulation; fill may use `pivot`, a pointer to one value. */
#define ACCUMULATE(name, identity, fill, prepare, combine, pivoted)                                \
    TK_INLINE V TK_FN(name##_lanes)(const T *x, int64_t n, const T *pivot, const int fetches)      \
    {                                                                                              \
        return TK_FN(reduce_lanes)(x, n, pivoted ? v_set(*pivot) : (V){0}, identity, fill,         \
                                   TK_FN(prepare), TK_FN(combine), fetches);                       \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_line)(void *out, const void *x, int64_t n, const void *pivot)     \
    {                                                                                              \
        *(T *)out = TK_FN(fold)(TK_FN(name##_lanes)(x, n, pivot, 0), TK_FN(combine));              \
    }                                                                                              \
    TK_INLINE void TK_FN(name##_some)(T *out, const T *x, int64_t n, int64_t step, int64_t lines,  \
                                      const T *pivot, const int fetches)                           \
    {                                                                                              \
        for (int64_t some; lines > 0; lines -= some, out += some, x += some * step) {              \
            V r[TOGETHER];                                                                         \
            some = lines < TOGETHER ? 1 : TOGETHER;                                                \
            if (some == TOGETHER)                                                                  \
                _Pragma("GCC unroll 4") for (int k = 0; k < TOGETHER; k++) r[k] =                  \
                    TK_FN(name##_lanes)(x + k * step, n, pivoted ? pivot + k : NULL, fetches);     \
            else                                                                                   \
                r[0] = TK_FN(name##_lanes)(x, n, pivot, fetches);                                  \
            if (some == TOGETHER)                                                                  \
                TK_FN(fold_together)(out, r, TK_FN(combine));                                      \
            else                                                                                   \
                *out = TK_FN(fold)(*r, TK_FN(combine));                                            \
            pivot = pivoted ? pivot + some : NULL;                                                 \
        }                                                                                          \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_lines)(void *out, const void *x, int64_t n, int64_t step,         \
                                        int64_t lines, const void *pivot)                          \
    {                                                                                              \
        if (step == n && lines * n * (int64_t)sizeof(T) >= TK_FETCHED_BYTES)                       \
            TK_FN(name##_some)(out, x, n, step, lines, pivot, 1);                                  \
        else                                                                                       \
            TK_FN(name##_some)(out, x, n, step, lines, pivot, 0);                                  \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_columns)(void *acc, const char *const *row, int rows, int64_t n,  \
                                          int how, const void *pivot)                              \
    {                                                                                              \
        /* a full group keeps its rows' addresses in registers, unless there is more to do */      \
        if (rows == TK_ROW_GROUP && !pivoted && how & TK_FAR)                                      \
            TK_FN(reduce_columns)(acc, row, TK_ROW_GROUP, n, how, pivot, identity,                 \
                                  TK_FN(prepare), TK_FN(combine), pivoted, TK_GROUP_AHEAD_BYTES);  \
        else if (rows == TK_ROW_GROUP && !pivoted)                                                 \
            TK_FN(reduce_columns)(acc, row, TK_ROW_GROUP, n, how, pivot, identity,                 \
                                  TK_FN(prepare), TK_FN(combine), pivoted, 0);                     \
        else if (rows == 1 && !pivoted && how & TK_FAR)                                            \
            TK_FN(reduce_columns)(acc, row, 1, n, how, pivot, identity, TK_FN(prepare),            \
                                  TK_FN(combine), pivoted, TK_ROW_AHEAD_BYTES);                    \
        else if (rows == 2 && !pivoted && how & TK_FAR)                                            \
            TK_FN(reduce_columns)(acc, row, 2, n, how, pivot, identity, TK_FN(prepare),            \
                                  TK_FN(combine), pivoted, TK_ROW_AHEAD_BYTES);                    \
        else                                                                                       \
            TK_FN(reduce_columns)(acc, row, rows, n, how, pivot, identity, TK_FN(prepare),         \
                                  TK_FN(combine), pivoted, 0);                                     \
    }

#define LOWEST TK_FN(lowest)()
#define HIGHEST TK_FN(highest)()
ACCUMULATE(amax, LOWEST, LOWEST, as_it_is, greater, 0)
ACCUMULATE(amin, HIGHEST, HIGHEST, as_it_is, lesser, 0)

#if TK_IS_FLOAT || TK_CAT(TK_IS_I64, TK_SUFFIX)
ACCUMULATE(sum, 0, 0, as_it_is, added, 0)
ACCUMULATE(prod, 1, 1, as_it_is, multiplied, 0)
#endif

#if TK_IS_FLOAT
/* The mean that a variance is taken around is counted from the first element: that of equal elements
 * is exact, and where it is rounded this is little beside the distances to it. */
TK_INLINE V TK_FN(distance)(V x, V pivot)
{
    return x - pivot;
}

/* A maximum that is infinite cannot be subtracted; the exponentials then say what the sum is. */
TK_INLINE V TK_FN(finite_or_zero)(V x)
{
    return v_and_mask(v_abs(x) < v_set((T)INFINITY), x);
}

TK_INLINE V TK_FN(scaled_exp)(V x, V pivot)
{
    return v_exp(x - TK_FN(finite_or_zero)(pivot));
}

TK_INLINE V TK_FN(squared)(V x, V pivot)
{
    (void)pivot;
    return x * x;
}

ACCUMULATE(squares, 0, 0, squared, added, 0)
ACCUMULATE(distance_sum, 0, *pivot, distance, added, 1)
ACCUMULATE(exp_sum, 0, -(T)INFINITY, scaled_exp, added, 1)

#define FINISH(name, expression)                                                                   \
    TK_OUTLINE void TK_FN(name)(void *out, int64_t n, double number, const void *pivot)            \
    {                                                                                              \
        T *r = out;                                                                                \
        const V p __attribute__((unused)) = v_set((T)number);                                      \
        for (int64_t i = 0; i < n; i += W) {                                                       \
            const int left = n - i < W ? (int)(n - i) : W;                                         \
            const V x = v_load_filled(r + i, left, 1);                                             \
            const V top __attribute__((unused)) =                                                  \
                pivot ? v_load_filled((const T *)pivot + i, left, 1) : x;                          \
            const V result = expression;                                                           \
            if (left == W)                                                                         \
                v_store(r + i, result);                                                            \
            else                                                                                   \
                v_store_part(r + i, result, left);                                                 \
        }                                                                                          \
    }
FINISH(divided, x / p)
FINISH(rooted, v_sqrt(x))
FINISH(log_restored, v_log(x) + TK_FN(finite_or_zero)(top))
#undef FINISH
#endif

/* Blocks of a constant size are what makes the compiler use vectors here. */
#define STAGE(name, Out, expression)                                                               \
    TK_OUTLINE void TK_FN(name)(void *restrict to, const char *restrict in, int64_t stride,        \
                                int64_t n)                                                         \
    {                                                                                              \
        Out *restrict out = to;                                                                    \
        const T *restrict from = (const T *)in;                                                    \
        int64_t i = 0;                                                                             \
        for (; stride == sizeof(T) && i + 64 <= n; i += 64)                                        \
            for (int64_t j = i; j < i + 64; j++)                                                   \
                out[j] = (Out)(from[j] expression);                                                \
        for (; stride == sizeof(T) && i + 8 <= n; i += 8)                                          \
            for (int64_t j = i; j < i + 8; j++)                                                    \
                out[j] = (Out)(from[j] expression);                                                \
        for (; i < n; i++)                                                                         \
            out[i] = (Out)(*(const T *)(in + i * stride) expression);                              \
    }
STAGE(stage_i64, int64_t, )
STAGE(stage_truth, uint8_t, != 0)
STAGE(stage_count, int64_t, != 0)
#undef STAGE

/* kind is the name of an accumulation, in the type that `of` names it for. */
#define KIND(kind, of)                                                                             \
    .lines = of(kind##_lines), .columns = of(kind##_columns), .merge = of(kind##_columns)
#define AS_BOOL(name) name##_bool
#define AS_I64(name) name##_i64
#define REDUCE(name, Acc, is_direct, staged, kind, of)                                             \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        static const tk_reducer f = {.in_size = sizeof(T), .size = sizeof(Acc),                    \
                                     .direct = is_direct, .stage = staged, KIND(kind, of)};        \
        tk_reduce_units(work, lo, hi, &f);                                                         \
    }
REDUCE(amax, T, 1, NULL, amax, TK_FN)
REDUCE(amin, T, 1, NULL, amin, TK_FN)
#if TK_IS_FLOAT || TK_CAT(TK_IS_I64, TK_SUFFIX)
REDUCE(sum, T, 1, NULL, sum, TK_FN)
REDUCE(prod, T, 1, NULL, prod, TK_FN)
#else
REDUCE(sum, int64_t, 0, TK_FN(stage_i64), sum, AS_I64)
REDUCE(prod, int64_t, 0, TK_FN(stage_i64), prod, AS_I64)
#endif
#undef REDUCE

/* How many of them are not zero. */
TK_OUTLINE int64_t TK_FN(nonzeros)(const void *line, int64_t n)
{
    const T *x = line;
    int64_t bytes = 0, i = 0;
    for (; i + W <= n; i += W)
        bytes += __builtin_popcountll(v_bits(v_load(x + i) != v_set(0)));
    if (i < n)
        bytes += __builtin_popcountll(v_bits(v_load_part(x + i, (int)(n - i)) != v_set(0)));
    return bytes / (int)sizeof(T);
}

/* Whether one of them is zero, or is not. */
TK_INLINE int TK_FN(has)(const T *x, int64_t n, const int zero)
{
    int64_t i = 0;
    M found = {0};
    for (; i + 4 * W <= n && !v_any(found); i += 4 * W)
        _Pragma("GCC unroll 4") for (int v = 0; v < 4; v++)
        {
            const V some = v_load(x + i + v * W);
            found |= zero ? some == v_set(0) : some != v_set(0);
        }
    for (; i < n && !v_any(found); i += W) {
        const V some = v_load_filled(x + i, n - i, (T)zero);
        found = zero ? some == v_set(0) : some != v_set(0);
    }
    return v_any(found);
}

TK_OUTLINE int64_t TK_FN(is_any)(const void *x, int64_t n)
{
    return TK_FN(has)(x, n, 0);
}

TK_OUTLINE int64_t TK_FN(are_all)(const void *x, int64_t n)
{
    return !TK_FN(has)(x, n, 1);
}

/* Rows of columns are asked as they lie: what `found` is after a group of them joins the answer. */
#define ASK(name, Acc, staged, kind, of, ask, decisive, finds, identity, joined)                   \
    TK_INLINE void TK_FN(name##_some)(Acc *answer, const char *const *row, int rows, int64_t j,    \
                                      const int vectors, const int left, int how)                  \
    {                                                                                              \
        M found[TK_FN(columns_together)] = {{0}};                                                  \
        I lanes[TK_FN(columns_together) * W];                                                      \
        for (int r = 0; r < rows; r++)                                                             \
            _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++)                              \
            {                                                                                      \
                const V x = v_load_filled((const T *)row[r] + j + v * W, left, 0);                 \
                found[v] = found[v] finds(M)(x != v_set(0));                                       \
            }                                                                                      \
        memcpy(lanes, found, (size_t)vectors * sizeof(V));                                         \
        answer += j;                                                                               \
        for (int i = 0; i < (left == W ? vectors * W : left); i++) {                               \
            const Acc before = how & TK_FIRST ? identity : answer[i], f = (Acc)lanes[i];           \
            answer[i] = joined;                                                                    \
        }                                                                                          \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_asked)(void *answer, const char *const *row, int rows, int64_t n, \
                                        int how, const void *pivot)                                \
    {                                                                                              \
        enum { MANY = TK_FN(columns_together) / 2 };                                               \
        int64_t j = 0;                                                                             \
        (void)pivot;                                                                               \
        for (; j + MANY * W <= n; j += MANY * W)                                                   \
            TK_FN(name##_some)(answer, row, rows, j, MANY, W, how);                                \
        for (; j < n; j += W)                                                                      \
            TK_FN(name##_some)(answer, row, rows, j, 1, n - j < W ? (int)(n - j) : W, how);        \
    }                                                                                              \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        static const tk_reducer f = {.in_size = sizeof(T), .size = sizeof(Acc),                    \
                                     .stage = TK_FN(staged), KIND(kind, of)},                      \
                                columns = {.in_size = sizeof(T), .size = sizeof(Acc), .direct = 1, \
                                           .columns = TK_FN(name##_asked),                         \
                                           .merge = of(kind##_columns)};                           \
        const tk_reduce_work *w = work;                                                            \
        /* near the caches wide elements are sooner bytes first */                                 \
        const int asks = w->columns && (sizeof(Acc) > 1 || sizeof(T) == 1 || w->cold);             \
        if (tk_is_contiguous(w, &f))                                                               \
            tk_ask_lines(w, lo, hi, &f, TK_FN(ask), decisive);                                     \
        else                                                                                       \
            tk_reduce_units(w, lo, hi, asks ? &columns : &f);                                      \
    }
ASK(any, uint8_t, stage_truth, amax, AS_BOOL, is_any, 1, |, 0, before | (f & 1))
ASK(all, uint8_t, stage_truth, amin, AS_BOOL, are_all, 0, |~, 1, before & (f + 1))
ASK(count_nonzero, int64_t, stage_count, sum, AS_I64, nonzeros, -1, -, 0, before + f)
#undef ASK
#undef KIND
#undef AS_BOOL
#undef AS_I64

#if TK_IS_FLOAT
/* The sums of these are taken in phases: the first prepares the elements, the others add. */
#define PHASED(name, first, finished)                                                              \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        static const tk_reducer f[2] = {                                                           \
            {.in_size = sizeof(T), .size = sizeof(T), .direct = 1, .lines = TK_FN(first##_lines),  \
             .columns = TK_FN(first##_columns), .merge = TK_FN(sum_columns),                       \
             .finish = TK_FN(finished)},                                                           \
            {.in_size = sizeof(T), .size = sizeof(T), .direct = 1, .lines = TK_FN(sum_lines),      \
             .columns = TK_FN(sum_columns), .merge = TK_FN(sum_columns),                           \
             .finish = TK_FN(finished)},                                                           \
        };                                                                                         \
        tk_reduce_units(work, lo, hi, &f[((const tk_reduce_work *)work)->phase > 0]);              \
    }
PHASED(mean, sum, divided)
PHASED(logsumexp, exp_sum, log_restored)
PHASED(norm, squares, rooted)
#undef PHASED
#endif

#undef ACCUMULATE
#undef TOGETHER
#undef LOWEST
#undef HIGHEST
