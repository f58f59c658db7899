/* Rows of a table put together by bags, and what follows from it for a table and for weights. The
 * entries of bag b are start[b] .. start[b + 1] - 1; entry i is row index[i]. Included once per
 * floating type. */

/* The row of an entry, read once; -1 where it does not count or there is no such row. */
TK_INLINE int64_t TK_FN(bag_row)(const tk_bag_work *w, int64_t i)
{
    const int64_t row = w->index[i];
    const int there = (uint64_t)row < (uint64_t)w->rows;
    if (!there && w->bad)
        tk_note_bad(w->bad, 0);
    return there && row != w->padding ? row : -1;
}

/* The first entry of a bag, which is also the end of the one before; within the entries. */
TK_INLINE int64_t TK_FN(bag_start)(const tk_bag_work *w, int64_t bag)
{
    const int64_t start = w->start[bag];
    return start < 0 ? 0 : start > w->entries ? w->entries : start;
}

TK_INLINE T TK_FN(bag_weight)(const tk_bag_work *w, int64_t i)
{
    return w->other ? ((const T *)w->other)[i] : 1;
}

/* Asks for what a later entry's row has, which no processor foresees: 0.55 to 0.85 of the time where short
 * rows are of a table beyond the second cache. Of long ones most comes in order. */
enum { TK_FN(BAG_AHEAD) = 16, TK_FN(BAG_LARGE) = 1 << 20, TK_FN(BAG_SHORT) = 4 }; /* the last: vectors */
TK_INLINE void TK_FN(bag_ask)(const tk_bag_work *w, int64_t i, const int vectors)
{
    const int64_t row = i + TK_FN(BAG_AHEAD) < w->entries ? w->index[i + TK_FN(BAG_AHEAD)] : -1;
    if ((uint64_t)row >= (uint64_t)w->rows)
        return;
    const T *x = (const T *)w->in + row * w->width;
    for (int k = 0; k < vectors * W; k += 64 / (int)sizeof(T))
        __builtin_prefetch(x + k);
}

/* Up to 8 vectors of columns of one bag's sum or mean; the last has `left` lanes. */
TK_INLINE void TK_FN(bag_columns)(const tk_bag_work *w, int64_t bag, int64_t column, int left,
                                  const int vectors)
{
    const int64_t end = TK_FN(bag_start)(w, bag + 1), width = w->width;
    const T *in = (const T *)w->in + column;
    T *out = (T *)w->out + bag * width + column;
    const int asks = vectors <= TK_FN(BAG_SHORT) && width <= vectors * W &&
                     w->rows * width * (int64_t)sizeof(T) >= TK_FN(BAG_LARGE);
    V sum[8];
    int64_t counted = 0;
#pragma GCC unroll 8
    for (int k = 0; k < vectors; k++)
        sum[k] = v_set(0);
    for (int64_t i = TK_FN(bag_start)(w, bag); i < end; i++) {
        const int64_t row = TK_FN(bag_row)(w, i);
        if (asks)
            TK_FN(bag_ask)(w, i, vectors);
        if (row < 0)
            continue;
        const T *x = in + row * width;
        const V weight = v_set(TK_FN(bag_weight)(w, i));
#pragma GCC unroll 8
        for (int k = 0; k < vectors; k++)
            sum[k] += weight * (k < vectors - 1 || left == W ? v_load(x + k * W)
                                                             : v_load_part(x + k * W, left));
        counted++;
    }
    const V count = v_set((T)counted);
#pragma GCC unroll 8
    for (int k = 0; k < vectors; k++) {
        if (w->mean && counted)
            sum[k] /= count;
        if (k < vectors - 1 || left == W)
            v_store(out + k * W, sum[k]);
        else
            v_store_part(out + k * W, sum[k], left);
    }
}

/* A unit is a bag. The work is copied, so that it stays in registers: what notes a bad index could change
 * the original. */
static void TK_FN(bag_sum)(const void *work, int64_t lo, int64_t hi)
{
    const tk_bag_work own = *(const tk_bag_work *)work, *const w = &own;
    for (; lo < hi; lo++)
        for (int64_t column = 0, n; column < w->width; column += n) {
            n = w->width - column < 8 * W ? w->width - column : 8 * W;
            const int vectors = (int)(n + W - 1) / W, left = (int)n - (vectors - 1) * W;
            switch (vectors) {
#define COLUMNS(vectors)                                                                           \
    case vectors:                                                                                  \
        TK_FN(bag_columns)(w, lo, column, left, vectors);                                          \
        break;
                COLUMNS(1)
                COLUMNS(2)
                COLUMNS(3)
                COLUMNS(4)
                COLUMNS(5)
                COLUMNS(6)
                COLUMNS(7)
                COLUMNS(8)
#undef COLUMNS
            }
        }
}

/* The other way: a bag's row of the gradient is added to each row of the table's that it has. A unit
 * is a column, so that a row takes what it gets in the order of the entries. */
static void TK_FN(bag_spread)(const void *work, int64_t lo, int64_t hi)
{
    const tk_bag_work *w = work;
    for (int64_t bag = 0; bag < w->bags; bag++) {
        const T *x = (const T *)w->in + bag * w->width;
        const int64_t start = TK_FN(bag_start)(w, bag), end = TK_FN(bag_start)(w, bag + 1);
        int64_t counted = 0;
        for (int64_t i = start; i < end && w->mean; i++)
            counted += TK_FN(bag_row)(w, i) >= 0;
        const T share = (T)1 / (T)(counted ? counted : 1);
        for (int64_t i = start; i < end; i++) {
            const int64_t row = TK_FN(bag_row)(w, i);
            if (row < 0)
                continue;
            T *to = (T *)w->out + row * w->width;
            const T weight = share * TK_FN(bag_weight)(w, i);
            int64_t c = lo;
            for (; c + W <= hi; c += W)
                v_store(to + c, v_load(to + c) + v_set(weight) * v_load(x + c));
            if (c < hi)
                v_store_part(to + c, v_load_part(to + c, (int)(hi - c)) +
                             v_set(weight) * v_load_part(x + c, (int)(hi - c)), (int)(hi - c));
        }
    }
}

/* The product of each entry's row with its bag's row of `other`. A unit is a bag. */
static void TK_FN(bag_dots)(const void *work, int64_t lo, int64_t hi)
{
    const tk_bag_work *w = work;
    for (; lo < hi; lo++) {
        const T *x = (const T *)w->other + lo * w->width;
        const int64_t end = TK_FN(bag_start)(w, lo + 1);
        for (int64_t i = TK_FN(bag_start)(w, lo); i < end; i++) {
            const int64_t row = TK_FN(bag_row)(w, i);
            if (row >= 0)
                ((T *)w->out)[i] = (T)TK_FN(centred_product)
                    (x, (const T *)w->in + row * w->width, w->width, 0);
        }
    }
}

/* Which row of the table has the largest element of each column, the first of equal ones; NaN is
 * larger than all, and -1 stands for none. A unit is a bag. */
static void TK_FN(bag_largest)(const void *work, int64_t lo, int64_t hi)
{
    const tk_bag_work *w = work;
    for (; lo < hi; lo++) {
        const int64_t start = TK_FN(bag_start)(w, lo), end = TK_FN(bag_start)(w, lo + 1);
        for (int64_t column = 0; column < w->width; column += W) {
            const int64_t left = w->width - column;
            const int n = left < W ? (int)left : W;
            M place = (M){0} - 1;
            V best = v_set(0);
            for (int64_t i = start; i < end; i++) {
                const int64_t row = TK_FN(bag_row)(w, i);
                if (row < 0)
                    continue;
                const T *from = (const T *)w->in + row * w->width + column;
                const V x = n == W ? v_load(from) : v_load_part(from, n);
                const M here = (M){0} + (I)row;
                const M wins = (x > best) | (v_isnan(x) & ~v_isnan(best)) | (place < 0);
                place = (wins & here) | (~wins & place);
                best = v_select(wins, x, best);
            }
            for (int k = 0; k < n; k++)
                ((int64_t *)w->out)[lo * w->width + column + k] = place[k];
        }
    }
}
