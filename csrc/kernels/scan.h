/* Running sums and products along one dimension. Included once per element type.
 *
 * Blocks of a constant size are what makes the compiler use vectors here. */
#if TK_IS_FLOAT
/* Floats are accumulated in double, for a running sum has no tree over the whole line. Of a line, eight
 * at a time: first each with those before it in the eight, by doubling, then all of them with what came
 * before: that chain, which must be waited for, has one step for eight elements. */
#define D V_f64
enum { TK_FN(double_lanes) = TK_VECTOR_BYTES / 8, TK_FN(eight_vectors) = 64 / TK_VECTOR_BYTES };
#define LANES TK_FN(double_lanes)
#define VECTORS TK_FN(eight_vectors)
typedef T TK_FN(narrow) __attribute__((vector_size(TK_VECTOR_BYTES / 8 * sizeof(T))));
typedef D (*TK_FN(running_fn))(D a, D b);

typedef double (*TK_FN(running_one_fn))(double a, double b);

#define RUNNING(name, type, expression)                                                            \
    TK_INLINE type TK_FN(name)(type a, type b)                                                     \
    {                                                                                              \
        return expression;                                                                         \
    }
RUNNING(running_sum, D, a + b)
RUNNING(running_product, D, a *b)
RUNNING(running_sum_one, double, a + b)
RUNNING(running_product_one, double, a *b)
#undef RUNNING

TK_INLINE D TK_FN(turned_round)(D x)
{
    M_f64 lanes;
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i++)
        lanes[i] = LANES - 1 - i;
    return TK_SHUFFLE(x, x, lanes);
}

/* Compilers convert the widest vectors by halves and put those together, but make one instruction of this. */
TK_INLINE D TK_FN(widened)(const T *p)
{
#if TK_VECTOR_BYTES == 64
    return (D){(double)p[0], (double)p[1], (double)p[2], (double)p[3],
               (double)p[4], (double)p[5], (double)p[6], (double)p[7]};
#else
    TK_FN(narrow) some;
    memcpy(&some, p, sizeof some);
    return __builtin_convertvector(some, D);
#endif
}

/* Each of eight with the one `step` before it, a constant. */
TK_INLINE void TK_FN(run_step)(D x[], TK_FN(running_fn) f, D identity, const int step)
{
#pragma GCC unroll 4
    for (int v = VECTORS - 1; v >= 0; v--) {
        const int from = v - step / LANES;
        if (step < LANES) {
            M_f64 lanes;
#pragma GCC unroll 8
            for (int i = 0; i < LANES; i++)
                lanes[i] = LANES - step + i;
            x[v] = f(TK_SHUFFLE(v ? x[v ? v - 1 : 0] : identity, x[v], lanes), x[v]);
        } else if (from >= 0) {
            x[v] = f(x[from < 0 ? 0 : from], x[v]);
        }
    }
}

/* One line, backwards or not; carry is what came before it. Returns what its end gave. What lies so many
 * bytes ahead is asked for where it fetches. */
TK_INLINE double TK_FN(run_line)(const T *in, T *out, int64_t n, double carry,
                                 TK_FN(running_fn) f, TK_FN(running_one_fn) one, T identity,
                                 const int backwards, int64_t ahead, const int fetches)
{
    const D nothing = v_set_f64((double)identity);
    M_f64 last;
    D before = v_set_f64(carry);
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i++)
        last[i] = LANES - 1;
    int64_t left = n;
    for (; left >= 8; left -= 8) {
        const int64_t at = backwards ? left - 8 : n - left;
        if (fetches)
            __builtin_prefetch((const char *)(in + at) + ahead);
        D x[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            const D wide = TK_FN(widened)(in + at + v * LANES);
            x[backwards ? VECTORS - 1 - v : v] = backwards ? TK_FN(turned_round)(wide) : wide;
        }
        TK_FN(run_step)(x, f, nothing, 1);
        TK_FN(run_step)(x, f, nothing, 2);
        TK_FN(run_step)(x, f, nothing, 4);
        const D all = TK_SHUFFLE(x[VECTORS - 1], x[VECTORS - 1], last);
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            D wide = f(before, x[backwards ? VECTORS - 1 - v : v]);
            wide = backwards ? TK_FN(turned_round)(wide) : wide;
            const TK_FN(narrow) some = __builtin_convertvector(wide, TK_FN(narrow));
            memcpy(out + at + v * LANES, &some, sizeof some);
        }
        before = f(before, all);
    }
    carry = before[0];
    for (; left > 0; left--) {
        const int64_t at = backwards ? left - 1 : n - left;
        carry = one(carry, (double)in[at]);
        out[at] = (T)carry;
    }
    return carry;
}

TK_INLINE double TK_FN(run_either)(const T *in, T *out, int64_t n, double carry, TK_FN(running_fn) f,
                                   TK_FN(running_one_fn) one, T identity, int reverse, int64_t ahead)
{
    if (ahead)
        return reverse ? TK_FN(run_line)(in, out, n, carry, f, one, identity, 1, ahead, 1)
                       : TK_FN(run_line)(in, out, n, carry, f, one, identity, 0, ahead, 1);
    return reverse ? TK_FN(run_line)(in, out, n, carry, f, one, identity, 1, 0, 0)
                   : TK_FN(run_line)(in, out, n, carry, f, one, identity, 0, 0, 0);
}

/* Of lines of n elements, a constant, of which eight elements hold some, the k-th element with the one
 * before it. */
TK_INLINE void TK_FN(run_kth)(D x[], TK_FN(running_fn) f, D identity, const int k, const int n,
                              const int first)
{
#pragma GCC unroll 4
    for (int v = VECTORS - 1; v >= 0; v--) {
        M_f64 lanes, keep;
        int any = 0;
#pragma GCC unroll 8
        for (int i = 0; i < LANES; i++) {
            const int at = v * LANES + i - first, found = at >= 0 && at % n == k;
            keep[i] = found ? i : LANES + i;
            lanes[i] = v || found ? LANES - 1 + i : i;
            any |= found;
        }
        if (!any)
            continue;
        D before = TK_SHUFFLE(v ? x[v ? v - 1 : 0] : identity, x[v], lanes);
        if (v)
            before = TK_SHUFFLE(before, identity, keep);
        x[v] = f(before, x[v]);
    }
}

/* Lines of n elements, a constant up to TK_SCAN_FEW, one behind the other: those that fit in eight at
 * a time, one element after the other, as where they are columns. What is stored behind them is
 * overwritten by the next. */
TK_INLINE void TK_FN(run_short)(const T *in, T *out, int64_t lines, TK_FN(running_fn) f, T identity,
                                const int n, const int backwards)
{
    const int some = 8 / n * n, first = backwards ? 8 - some : 0;
    const D nothing = v_set_f64((double)identity);
    T few[8] = {0};
    for (int64_t left = lines * n; left > 0; left -= some, in += some, out += some) {
        D x[VECTORS];
        const T *from = in;
        T *to = out;
        if (left < 8) {
            for (int i = 0; i < left; i++)
                few[i] = in[i];
            from = to = few;
        }
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            const D wide = f(nothing, TK_FN(widened)(from + v * LANES)); /* 0 of -0, as elsewhere */
            x[backwards ? VECTORS - 1 - v : v] = backwards ? TK_FN(turned_round)(wide) : wide;
        }
#pragma GCC unroll 4
        for (int k = 1; k < n; k++)
            TK_FN(run_kth)(x, f, nothing, k, n, first);
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            D wide = x[backwards ? VECTORS - 1 - v : v];
            wide = backwards ? TK_FN(turned_round)(wide) : wide;
            const TK_FN(narrow) part = __builtin_convertvector(wide, TK_FN(narrow));
            memcpy(to + v * LANES, &part, sizeof part);
        }
        if (left < 8)
            for (int i = 0; i < left && i < some; i++)
                out[i] = few[i];
    }
}

/* Lines of n elements, a constant below eight, of which no two fit in eight: the processor has several
 * of them under way. */
TK_INLINE void TK_FN(run_single)(const T *in, T *out, int64_t lines, TK_FN(running_one_fn) one,
                                 double identity, const int n, const int backwards)
{
    for (; lines > 0; lines--, in += n, out += n) {
        double carry = identity;
#pragma GCC unroll 8
        for (int k = 0; k < n; k++) {
            const int at = backwards ? n - 1 - k : k;
            carry = one(carry, (double)in[at]);
            out[at] = (T)carry;
        }
    }
}

#define SHORT(name, n)                                                                             \
    case n:                                                                                        \
        TK_FN(name##_short)((const T *)in, (T *)out, lines, n, reverse);                           \
        return
#define LINES(name, f, one, identity)                                                              \
    TK_INLINE void TK_FN(name##_short)(const T *in, T *out, int64_t lines, const int n,            \
                                       int reverse)                                                \
    {                                                                                              \
        if (n > TK_SCAN_FEW && reverse)                                                            \
            TK_FN(run_single)(in, out, lines, one, identity, n, 1);                                \
        else if (n > TK_SCAN_FEW)                                                                  \
            TK_FN(run_single)(in, out, lines, one, identity, n, 0);                                \
        else if (reverse)                                                                          \
            TK_FN(run_short)(in, out, lines, f, identity, n, 1);                                   \
        else                                                                                       \
            TK_FN(run_short)(in, out, lines, f, identity, n, 0);                                   \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_lines)(const char *in, int64_t in_line, char *out,                \
                                        int64_t out_line, int64_t lines, int64_t n, int reverse,   \
                                        const void *before, void *after, int64_t ahead)            \
    {                                                                                              \
        const int joined = in_line == n * (int64_t)sizeof(T) && out_line == in_line;               \
        double start, end = identity;                                                              \
        memcpy(&start, before, sizeof start);                                                      \
        switch (joined && !after ? n : 0) {                                                        \
            SHORT(name, 2);                                                                        \
            SHORT(name, 3);                                                                        \
            SHORT(name, 4);                                                                        \
            SHORT(name, 5);                                                                        \
            SHORT(name, 6);                                                                        \
            SHORT(name, 7);                                                                        \
        }                                                                                          \
        for (; lines > 0; lines--, in += in_line, out += out_line)                                 \
            end = TK_FN(run_either)((const T *)in, (T *)out, n, start, f, one, identity, reverse,  \
                                    ahead);                                                        \
        if (after)                                                                                 \
            memcpy(after, &end, sizeof end);                                                       \
    }
LINES(cumsum, TK_FN(running_sum), TK_FN(running_sum_one), 0)
LINES(cumprod, TK_FN(running_product), TK_FN(running_product_one), 1)
#undef LINES
#undef SHORT
#undef LANES
#undef VECTORS
#undef D
#define SCAN(name, start, step) SCAN_OF(name, double, T, start, step)
#else
#define SCAN(name, start, step)                                                                    \
    TK_OUTLINE void TK_FN(name##_lines)(const char *in, int64_t in_line, char *out,                \
                                        int64_t out_line, int64_t lines, int64_t n, int reverse,   \
                                        const void *before, void *after, int64_t ahead)            \
    {                                                                                              \
        int64_t a = start;                                                                         \
        (void)ahead; /* these wait for the chain */                                                \
        for (; lines > 0; lines--, in += in_line, out += out_line) {                               \
            const int64_t first = reverse ? n - 1 : 0, next = reverse ? -1 : 1;                    \
            const T *from = (const T *)in + first;                                                 \
            int64_t *to = (int64_t *)out + first;                                                  \
            memcpy(&a, before, sizeof a);                                                          \
            _Pragma("GCC unroll 4") for (int64_t i = 0; i < n; i++, from += next, to += next)      \
            {                                                                                      \
                const int64_t x = (int64_t)*from;                                                  \
                *to = a = step;                                                                    \
            }                                                                                      \
        }                                                                                          \
        if (after)                                                                                 \
            memcpy(after, &a, sizeof a);                                                           \
    }                                                                                              \
    SCAN_OF(name, int64_t, int64_t, start, step)
#endif

#define SCAN_OF(name, Acc, Out, start, step)                                                       \
    TK_INLINE void TK_FN(name##_some)(const T *restrict in, Out *restrict out, Acc *restrict acc,  \
                                      const int n)                                                 \
    {                                                                                              \
        for (int i = 0; i < n; i++) {                                                              \
            const Acc a = acc[i], x = (Acc)in[i];                                                  \
            acc[i] = (Acc)(step);                                                                  \
            out[i] = (Out)acc[i];                                                                  \
        }                                                                                          \
    }                                                                                              \
    /* Of so few columns what came before stays in registers. */                                   \
    TK_INLINE void TK_FN(name##_few)(const char *in, int64_t in_step, char *out, int64_t out_step, \
                                     int64_t rows, Acc *before, const int n)                       \
    {                                                                                              \
        Acc acc[TK_SCAN_FEW];                                                                      \
        memcpy(acc, before, (size_t)n * sizeof *acc);                                              \
        for (; rows > 0; rows--, in += in_step, out += out_step)                                   \
            _Pragma("GCC unroll 4") for (int i = 0; i < n; i++)                                    \
            {                                                                                      \
                const Acc a = acc[i], x = (Acc)((const T *)in)[i];                                 \
                acc[i] = (Acc)(step);                                                              \
                ((Out *)out)[i] = (Out)acc[i];                                                     \
            }                                                                                      \
        memcpy(before, acc, (size_t)n * sizeof *acc);                                              \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_rows)(const char *in, int64_t in_step, char *out,                 \
                                       int64_t out_step, int64_t rows, int64_t n, void *before,    \
                                       int first, int64_t ahead)                                   \
    {                                                                                              \
        Acc *acc = before;                                                                         \
        if (first)                                                                                 \
            for (int64_t i = 0; i < n; i++)                                                        \
                acc[i] = start;                                                                    \
        _Pragma("GCC unroll 4") for (int few = 2; few <= TK_SCAN_FEW; few++) if (n == few)         \
        {                                                                                          \
            TK_FN(name##_few)(in, in_step, out, out_step, rows, acc, few);                         \
            return;                                                                                \
        }                                                                                          \
        for (; rows > 0; rows--, in += in_step, out += out_step) {                                 \
            int64_t i = 0;                                                                         \
            for (; ahead && i + 16 <= n; i += 16) {                                                \
                for (int k = 0; k < 16; k += 64 / (int)sizeof(T))                                  \
                    __builtin_prefetch(in + ahead + (i + k) * (int64_t)sizeof(T));                 \
                TK_FN(name##_some)((const T *)in + i, (Out *)out + i, acc + i, 16);                \
            }                                                                                      \
            for (; i + 16 <= n; i += 16)                                                           \
                TK_FN(name##_some)((const T *)in + i, (Out *)out + i, acc + i, 16);                \
            if (ahead)                                                                             \
                __builtin_prefetch(in + ahead + i * (int64_t)sizeof(T));                           \
            TK_FN(name##_some)((const T *)in + i, (Out *)out + i, acc + i, (int)(n - i));          \
        }                                                                                          \
    }                                                                                              \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        static const Acc first = start;                                                            \
        static const tk_scanner f = {sizeof(T), sizeof(Out), TK_FN(name##_lines),                  \
                                     TK_FN(name##_rows), &first};                                  \
        tk_scan_units(work, lo, hi, &f);                                                           \
    }
SCAN(cumsum, 0, a + x)
SCAN(cumprod, 1, a *x)
#undef SCAN
#undef SCAN_OF
