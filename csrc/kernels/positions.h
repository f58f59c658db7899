/* Where extremes stand: of lines, and of columns. Included once per element type, after reduce.h. */

/* The first element that is `best`, or else NaN. */
TK_INLINE int64_t TK_FN(find_first)(const T *x, int64_t n, T best, const int nan)
{
    int64_t i = 0;
    for (; i + 4 * W <= n; i += 4 * W) { /* one question for four vectors */
        M found = {0};
        _Pragma("GCC unroll 4") for (int v = 0; v < 4; v++)
        {
            const V some = v_load(x + i + v * W);
            found |= nan ? v_isnan(some) : some == v_set(best);
        }
        if (v_any(found))
            break;
    }
    for (; i < n; i += W) {
        const V some = v_load_filled(x + i, n - i, best);
        const M found = nan ? v_isnan(some) : some == v_set(best);
        if (v_any(found))
            return i + v_first_true(found);
    }
    return 0;
}

TK_OUTLINE int64_t TK_FN(find)(const T *x, int64_t n, T best)
{
    return TK_FN(other)(best, best) ? TK_FN(find_first)(x, n, best, 1)
                                    : TK_FN(find_first)(x, n, best, 0);
}

/* In lines, the first element equal to the extreme, which is NaN where there is one; in columns, what
 * beats all rows above. */
#define FIND(name, extreme, better, of)                                                            \
    TK_OUTLINE int64_t TK_FN(name##_index)(const void *in, int64_t n, const void *than)            \
    {                                                                                              \
        T best;                                                                                    \
        TK_FN(extreme##_line)(&best, in, n, NULL);                                                 \
        if (than && !(best better *(const T *)than) &&                                             \
            (!TK_FN(other)(best, best) || TK_FN(other)(*(const T *)than, *(const T *)than)))       \
            return -1;                                                                             \
        return TK_FN(find)(in, n, best);                                                           \
    }                                                                                              \
    TK_INLINE M TK_FN(name##_beats)(V x, V best)                                                   \
    {                                                                                              \
        return (x better best) | (v_isnan(x) & ~v_isnan(best));                                    \
    }                                                                                              \
    /* One vector of columns, from j on. */                                                        \
    TK_INLINE void TK_FN(name##_column)(T *best, int64_t *place, const char *const *row, int rows, \
                                        int64_t j, int left, int64_t at, int first)                \
    {                                                                                              \
        V top = v_load_filled((const T *)row[0] + j, left, 0);                                     \
        M which = {0}, wins = ~which;                                                              \
        I from[W], won[W];                                                                         \
        for (int r = 1; r < rows; r++) {                                                           \
            const V x = v_load_filled((const T *)row[r] + j, left, 0);                             \
            const M beats = TK_FN(name##_beats)(x, top);                                           \
            top = v_select(beats, x, top);                                                         \
            which = (beats & ((M){0} + (I)r)) | (~beats & which);                                  \
        }                                                                                          \
        if (!first) {                                                                              \
            const V before = v_load_filled(best + j, left, 0);                                     \
            wins = TK_FN(name##_beats)(top, before);                                               \
            top = v_select(wins, top, before);                                                     \
        }                                                                                          \
        if (left == W)                                                                             \
            v_store(best + j, top);                                                                \
        else                                                                                       \
            v_store_part(best + j, top, left);                                                     \
        if (!v_any(wins))                                                                          \
            return;                                                                                \
        memcpy(from, &which, sizeof from);                                                         \
        memcpy(won, &wins, sizeof won);                                                            \
        for (int i = 0; left == W && i < W; i++) /* so many as a constant says: in vectors */      \
            place[j + i] = won[i] ? at + from[i] : place[j + i];                                   \
        for (int i = 0; left != W && i < left; i++)                                                \
            place[j + i] = won[i] ? at + from[i] : place[j + i];                                   \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_again)(T *best, int64_t *place, const char *const *row, int rows, \
                                        int64_t j, int left, int64_t at)                           \
    {                                                                                              \
        TK_FN(name##_column)(best, place, row, rows, j, left, at, 0);                              \
    }                                                                                              \
    /* Few groups of rows hold a new extreme, but for the first: only those are walked for its place. */\
    TK_INLINE void TK_FN(name##_some)(T *best, int64_t *place, const char *const *row,             \
                                      const int rows, int64_t j, const int vectors, const int left,\
                                      int64_t at)                                                  \
    {                                                                                              \
        V most[TK_FN(columns_together)];                                                           \
        _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++) most[v] =                        \
            v_load_filled((const T *)row[0] + j + v * W, left, 0);                                 \
        for (int r = 1; r < rows; r++)                                                             \
            _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++) most[v] =                    \
                TK_FN(of)(most[v], v_load_filled((const T *)row[r] + j + v * W, left, 0));         \
        _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++)                                  \
        {                                                                                          \
            const V before = v_load_filled(best + j + v * W, left, 0);                             \
            if (v_any(TK_FN(name##_beats)(most[v], before)))                                       \
                TK_FN(name##_again)(best, place, row, rows, j + v * W, left, at);                  \
        }                                                                                          \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_rows)(void *best, int64_t *place, const char *const *row,         \
                                       int rows, int64_t n, int64_t at, int first)                 \
    {                                                                                              \
        enum { MANY = TK_FN(columns_together) / 2 };                                               \
        int64_t j = 0;                                                                             \
        for (; !first && rows == TK_ROW_GROUP && j + MANY * W <= n; j += MANY * W)                 \
            TK_FN(name##_some)(best, place, row, TK_ROW_GROUP, j, MANY, W, at);                    \
        for (; !first && j < n; j += W)                                                            \
            TK_FN(name##_some)(best, place, row, rows, j, 1, n - j < W ? (int)(n - j) : W, at);    \
        for (; j < n; j += W)                                                                      \
            TK_FN(name##_column)(best, place, row, rows, j, n - j < W ? (int)(n - j) : W, at, 1);  \
    }                                                                                              \
    /* Of `fold` rows of n columns each, whose extremes stood at row place[] of every fold-th, the first  \
     * that beat the others. */                                                                    \
    TK_OUTLINE void TK_FN(name##_join)(void *values, int64_t *place, int64_t fold, int64_t n)      \
    {                                                                                              \
        T *best = values;                                                                          \
        for (int64_t i = 0; i < fold * n; i++) {                                                   \
            const int64_t j = i % n, at = place[i] * fold + i / n;                                 \
            const int is_nan = TK_FN(other)(best[i], best[i]);                                     \
            const int was_nan = TK_FN(other)(best[j], best[j]);                                    \
            const int ties = (is_nan && was_nan) || best[i] == best[j];                            \
            if (i >= n && !(ties ? at < place[j] : is_nan || (!was_nan && best[i] better best[j])))\
                continue;                                                                          \
            best[j] = best[i];                                                                     \
            place[j] = at;                                                                         \
        }                                                                                          \
    }                                                                                              \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        static const tk_reducer f = {.in_size = sizeof(T), .size = sizeof(T), .direct = 1,         \
                                     .find = TK_FN(name##_index),                                  \
                                     .find_rows = TK_FN(name##_rows),                              \
                                     .find_join = TK_FN(name##_join)};                             \
        tk_find_units(work, lo, hi, &f);                                                           \
    }
FIND(argmax, amax, >, greater)
FIND(argmin, amin, <, lesser)
#undef FIND
