/* Order along lines, and places in sorted ones. Equal elements keep their order; NaN comes last,
 * first of what descends. Included once per element type.
 *
 * Elements are compared as integers that are larger for what comes later. Which way is taken
 * depends on sizes alone: few wanted are kept sorted while the line is read; in short lines each
 * element is counted how many come before it; else a radix sort, of those wanted where they are at
 * most half, found digit by digit from the highest on. Where but the k-th of a long line is wanted, two
 * elements of a sample bracket it. */
#define KEY TK_FN(sort_key)
#define UKEY TK_FN(sort_ukey)
#define KEYS TK_FN(sort_keys)
#define LANES ((int)(TK_VECTOR_BYTES / sizeof(KEY)))
#define PAIR TK_FN(sort_pair)
#define LARGEST_KEY ((KEY)((UKEY)-1 >> 1))
#define DIGIT(pair, shift) ((pair).key >> (shift) & 255)
#define SAMPLE 512 /* of a line: the 72 ranks that bracket one hold a seventh of the elements */
#define BLOCK 64  /* elements that are looked at together for one that belongs to the few */

typedef __typeof__(__builtin_choose_expr(sizeof(TK_SCALAR) == 8, (int64_t)0, (int32_t)0)) KEY;
typedef __typeof__(__builtin_choose_expr(sizeof(TK_SCALAR) == 8, (uint64_t)0, (uint32_t)0)) UKEY;
typedef KEY KEYS __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef struct PAIR {
    UKEY key, index;
} PAIR;

TK_INLINE KEY TK_FN(key_of)(TK_SCALAR x, KEY flip)
{
#if TK_IS_FLOAT
    TK_SIGNED bits;
    memcpy(&bits, &x, sizeof bits);
    bits = bits == -LARGEST_KEY - 1 ? 0 : bits; /* -0 equals 0 */
    bits ^= bits < 0 ? LARGEST_KEY : 0;
    return (x == x ? bits : LARGEST_KEY) ^ flip;
#else
    return (KEY)x ^ flip;
#endif
}

/* Where the next whole block begins, from i on, that holds a key below `worst`; else the rest. */
TK_INLINE int64_t TK_FN(skip_blocks)(const TK_SCALAR *in, int64_t i, int64_t n, KEY flip, KEY worst)
{
    for (; i + BLOCK <= n; i += BLOCK) {
        int any = 0;
        for (int j = 0; j < BLOCK; j++)
            any |= TK_FN(key_of)(in[i + j], flip) < worst;
        if (any)
            break;
    }
    return i;
}

/* The places of the first k of n elements, k <= TK_ORDER_FEW. */
static void TK_FN(first_few)(const TK_SCALAR *in, int64_t n, int64_t step, int64_t k, KEY flip,
                             int64_t *order)
{
    KEY best[TK_ORDER_FEW];
    for (int64_t i = 0, count = 0; i < n;) {
        if (step == 1 && count == k)
            i = TK_FN(skip_blocks)(in, i, n, flip, best[k - 1]);
        for (int64_t end = i + BLOCK < n ? i + BLOCK : n; i < end; i++) {
            const KEY x = TK_FN(key_of)(in[i * step], flip);
            if (count == k && x >= best[k - 1])
                continue;
            int64_t at = count < k ? count++ : k - 1;
            for (; at > 0 && best[at - 1] > x; at--) {
                best[at] = best[at - 1];
                order[at] = order[at - 1];
            }
            best[at] = x;
            order[at] = i;
        }
    }
}

/* The places of n <= TK_ORDER_SHORT elements in order. For a vector of elements at a time it is
 * counted how many come before them: the smaller ones, and of the equal ones those on the left. */
static void TK_FN(rank_all)(const TK_SCALAR *in, int64_t n, int64_t step, KEY flip, int64_t *order)
{
    KEYS keys[TK_ORDER_SHORT / LANES], lanes;
    KEY *const key = (KEY *)keys;
    for (int64_t i = 0; i < n; i++)
        key[i] = TK_FN(key_of)(in[i * step], flip);
    for (int64_t i = n; i % LANES; i++)
        key[i] = 0;
    for (int i = 0; i < LANES; i++)
        lanes[i] = (KEY)i;
    for (int64_t i = 0; i < n; i += LANES) {
        const int64_t end = i + LANES < n ? i + LANES : n;
        const KEYS x = keys[i / LANES], none = {0};
        KEYS before = none; /* a comparison that holds is -1 */
        int64_t j = 0;
        for (; j < i; j++)
            before -= none + key[j] <= x;
        for (; j < end; j++)
            before -= (none + key[j] < x) | ((none + key[j] == x) & (lanes > none + (KEY)(j - i)));
        for (; j < n; j++)
            before -= none + key[j] < x;
        for (j = i; j < end; j++)
            order[before[j - i]] = j;
    }
}

/* Pairs of keys, the lowest of them subtracted, and places; returns how many bits a key has. */
static int TK_FN(read_pairs)(const TK_SCALAR *in, int64_t n, int64_t step, KEY flip, PAIR *pairs)
{
    KEY low = LARGEST_KEY, high = -LARGEST_KEY - 1;
    for (int64_t i = 0; i < n; i++) {
        const KEY x = TK_FN(key_of)(in[i * step], flip);
        low = x < low ? x : low;
        high = x > high ? x : high;
        pairs[i] = (PAIR){(UKEY)x, (UKEY)i};
    }
    for (int64_t i = 0; i < n; i++)
        pairs[i].key -= (UKEY)low;
    const UKEY range = (UKEY)high - (UKEY)low;
    return range ? 64 - __builtin_clzll(range) : 0;
}

/* How many of the lowest bits tell the keys of pairs apart. */
static int TK_FN(bits_apart)(const PAIR *pairs, int64_t n)
{
    UKEY apart = 0;
    for (int64_t i = 1; i < n; i++)
        apart |= pairs[i].key ^ pairs[0].key;
    return apart ? 64 - __builtin_clzll(apart) : 0;
}

#define AS_UKEY(x) ((UKEY)(x) ^ (((UKEY)-1 >> 1) + 1)) /* the order of KEY, unsigned */

static PAIR TK_FN(find_least)(PAIR *from, PAIR *least, int64_t n, int64_t k, int bits);

/* Pairs of the few elements that may be among the first k, in their order; returns how many. Those are
 * collected that come before the k-th of what was collected so far, which is found anew whenever the
 * room is full: most elements of a long line are only compared with it. */
static int64_t TK_FN(read_few)(const TK_SCALAR *in, int64_t n, int64_t step, int64_t k, KEY flip,
                               PAIR *pairs, PAIR *spare)
{
    const int64_t room = 2 * k + 2 * BLOCK; /* with more the first bound would come later */
    KEY worst = LARGEST_KEY;
    int64_t count = 0;
    for (int64_t i = 0, known = 0; i < n;) {
        if (step == 1 && known)
            i = TK_FN(skip_blocks)(in, i, n, flip, worst);
        for (int64_t end = i + BLOCK < n ? i + BLOCK : n; i < end; i++) {
            const KEY x = TK_FN(key_of)(in[i * step], flip);
            pairs[count] = (PAIR){AS_UKEY(x), (UKEY)i};
            count += !known | (x < worst);
        }
        if (count + BLOCK > room) {
            const int bits = TK_FN(bits_apart)(pairs, count);
            const UKEY last = TK_FN(find_least)(pairs, spare, count, k, bits).key;
            memcpy(pairs, spare, (size_t)k * sizeof *pairs);
            worst = (KEY)AS_UKEY(last);
            count = k;
            known = 1;
        }
    }
    return count;
}

/* Pairs of the elements among which the k-th is, in their order, the least of their keys subtracted, by
 * the ranks that bracket it in a sample; *before is how many elements come before all of them, *bits as
 * read_pairs returns it. Returns how many they are; 0 where the sample misled. */
static int64_t TK_FN(read_between)(const TK_SCALAR *in, int64_t n, int64_t step, int64_t k, KEY flip,
                                   PAIR *pairs, PAIR *spare, int64_t *before, int *bits)
{
    enum { MARGIN = 36 }; /* 3 times the most that a rank in the sample deviates */
    const int64_t rank = (int64_t)((double)k / (double)n * SAMPLE);
    const int64_t first = rank - MARGIN, last = rank + MARGIN;
    UKEY low = 0, high = (UKEY)-1;
    int64_t count = 0, less = 0;
    for (int64_t i = 0; i < SAMPLE; i++) {
        const KEY x = TK_FN(key_of)(in[n / SAMPLE * i * step], flip);
        pairs[i] = (PAIR){AS_UKEY(x), (UKEY)i};
    }
    const int64_t most = last < SAMPLE ? last : SAMPLE;
    const int sample_bits = TK_FN(bits_apart)(pairs, SAMPLE);
    const UKEY top = TK_FN(find_least)(pairs, spare, SAMPLE, most, sample_bits).key;
    if (last <= SAMPLE)
        high = top;
    if (first > 0)
        low = TK_FN(find_least)(spare, pairs, most, first, sample_bits).key;
    for (int64_t i = 0, some; i < n; i += some) { /* a block's keys are found in vectors */
        UKEY keys[BLOCK];
        some = n - i < BLOCK ? n - i : BLOCK;
        if (step == 1 && some == BLOCK)
            for (int j = 0; j < BLOCK; j++)
                keys[j] = AS_UKEY(TK_FN(key_of)(in[i + j], flip));
        else
            for (int64_t j = 0; j < some; j++)
                keys[j] = AS_UKEY(TK_FN(key_of)(in[(i + j) * step], flip));
        for (int64_t j = 0; j < some; j++) {
            pairs[count] = (PAIR){keys[j] - low, (UKEY)(i + j)};
            count += (keys[j] >= low) & (keys[j] <= high);
            less += keys[j] < low;
        }
    }
    *before = less;
    *bits = high > low ? 64 - __builtin_clzll((unsigned long long)(high - low)) : 0;
    return less < k && k <= less + count ? count : 0;
}

/* Sorts by the lowest bits, a digit of 8 at a time; returns which of the two holds the result. */
static PAIR *TK_FN(radix)(PAIR *from, PAIR *to, int64_t n, int bits)
{
    uint32_t counts[2][256] = {{0}}, *now = counts[0], *next = counts[1];
    for (int64_t i = 0; i < n; i++)
        now[DIGIT(from[i], 0)]++;
    for (int shift = 0; shift < bits; shift += 8) {
        const int above = shift + 8 < bits ? shift + 8 : 0;
        uint32_t sum = 0;
        for (int d = 0; d < 256; d++) {
            const uint32_t here = now[d];
            now[d] = sum;
            next[d] = 0;
            sum += here;
        }
        for (int64_t i = 0; i < n; i++) {
            to[now[DIGIT(from[i], shift)]++] = from[i];
            next[DIGIT(from[i], above)]++;
        }
        PAIR *const pairs = from;
        from = to;
        to = pairs;
        uint32_t *const used = now;
        now = next;
        next = used;
    }
    return from;
}

/* Moves the k least of n pairs to `least`, equal ones in their order; returns the k-th of all. */
static PAIR TK_FN(find_least)(PAIR *from, PAIR *least, int64_t n, int64_t k, int bits)
{
    int64_t taken = 0;
    for (int shift = bits > 8 ? bits - 8 : 0;; shift = shift > 8 ? shift - 8 : 0) {
        uint32_t count[256] = {0};
        for (int64_t i = 0; i < n; i++)
            count[DIGIT(from[i], shift)]++;
        UKEY digit = 0;
        for (int64_t left = k - taken; count[digit] < left; digit++)
            left -= count[digit];
        int64_t same = 0;
        for (int64_t i = 0; i < n; i++) { /* without a branch: digits are unpredictable */
            const PAIR p = from[i];
            least[taken] = p;
            taken += DIGIT(p, shift) < digit;
            from[same] = p;
            same += DIGIT(p, shift) == digit;
        }
        n = same;
        if (shift == 0 || n == 1)
            break;
    }
    memcpy(least + taken, from, (size_t)(k - taken) * sizeof *from);
    return from[k - taken - 1];
}

static int64_t TK_FN(first_nan)(const TK_SCALAR *in, int64_t n, int64_t step)
{
    int64_t i = TK_IS_FLOAT ? 0 : n;
#if TK_IS_FLOAT
    while (step == 1 && i + W <= n && !v_any(v_isnan(v_load(in + i))))
        i += W;
#endif
    while (i < n && !TK_FN(other)(in[i * step], in[i * step]))
        i++;
    return i;
}

static void TK_FN(order_line)(const tk_order_work *w, const TK_SCALAR *in, int64_t *index,
                              PAIR *pairs)
{
    const int64_t n = w->length, step = w->inner;
    int64_t k = w->k;
    const KEY flip = w->descending ? -1 : 0;
    int64_t order[TK_ORDER_SHORT];
    if (w->mode == TK_ORDER_MEDIAN) {
        const int64_t nan = TK_FN(first_nan)(in, n, step);
        if (nan < n) {
            *index = nan;
            return;
        }
    }
    if (w->mode == TK_ORDER_NANMEDIAN) { /* NaN come last: that leaves a smaller k */
        int64_t nans = 0;
        for (int64_t i = TK_FN(first_nan)(in, n, step); i < n; i++)
            nans += TK_FN(other)(in[i * step], in[i * step]);
        k = nans < n ? (n - nans + 1) / 2 : 1;
    }
    if (!tk_order_takes_pairs(n, k)) {
        if (tk_order_is_few(n, k))
            TK_FN(first_few)(in, n, step, k, flip, order);
        else
            TK_FN(rank_all)(in, n, step, flip, order);
        if (w->mode != TK_ORDER_ALL)
            *index = order[k - 1];
        for (int64_t i = 0; i < k && w->mode == TK_ORDER_ALL; i++)
            index[i * step] = order[i];
        return;
    }
    PAIR *found = pairs + n;
    const int few = 8 * (k + 4 * BLOCK) <= n;
    if (w->mode != TK_ORDER_ALL && !few && n >= 8 * SAMPLE) {
        int64_t before;
        int width;
        const int64_t some =
            TK_FN(read_between)(in, n, step, k, flip, pairs, found, &before, &width);
        if (some) {
            *index = (int64_t)TK_FN(find_least)(pairs, found, some, k - before, width).index;
            return;
        }
    }
    const int64_t count = few ? TK_FN(read_few)(in, n, step, k, flip, pairs, found) : n;
    const int bits = few ? TK_FN(bits_apart)(pairs, count)
                         : TK_FN(read_pairs)(in, n, step, flip, pairs);
    if (w->mode != TK_ORDER_ALL) {
        *index = (int64_t)TK_FN(find_least)(pairs, found, count, k, bits).index;
        return;
    }
    if (2 * k <= count) {
        TK_FN(find_least)(pairs, found, count, k, bits);
        found = TK_FN(radix)(found, pairs, k, bits);
    } else {
        found = TK_FN(radix)(pairs, found, count, bits);
    }
    for (int64_t i = 0; i < k; i++)
        index[i * step] = (int64_t)found[i].index;
}

static void TK_FN(order)(const void *work, int64_t lo, int64_t hi)
{
    const tk_order_work *w = work;
    const int64_t wanted = w->mode == TK_ORDER_ALL ? w->k : 1;
    for (; lo < hi; lo++) {
        PAIR *pairs = (PAIR *)w->scratch + 2 * lo * w->length;
        int64_t line = lo * w->part, end = line + w->part < w->lines ? line + w->part : w->lines;
        for (; line < end; line++) {
            const int64_t outer = line / w->inner, column = line % w->inner;
            TK_FN(order_line)
            (w, (const TK_SCALAR *)w->in + outer * w->length * w->inner + column,
             w->index + outer * wanted * w->inner + column, pairs);
        }
    }
}

/* The place of one value in a sequence. */
TK_INLINE int64_t TK_FN(search_one)(const TK_SCALAR *sequence, int64_t length, TK_SCALAR value,
                                    const int right)
{
    const KEY x = TK_FN(key_of)(value, 0);
    int64_t at = 0;
    for (int64_t size = length; size > 0;) { /* of those before which x may stand */
        const int64_t half = (size + 1) / 2;
        const KEY y = TK_FN(key_of)(sequence[at + half - 1], 0);
        at += (y < x) | (right & (y == x)) ? half : 0;
        size -= half;
    }
    return at;
}

/* Sequences of up to so many elements are compared with all of them, which takes no longer than to
 * look for the elements to compare with. */
#define SHORT_SEQUENCE 32

/* The places of a vector of values, none of which is NaN. */
TK_INLINE M TK_FN(search_vector)(const T *sequence, int64_t length, V x, const int right)
{
    M at = {0};
    if (length <= SHORT_SEQUENCE) {
        for (int64_t i = 0; i < length; i++) {
            const V y = v_set(sequence[i]);
            at -= right ? y <= x : y < x;
        }
        return at;
    }
    for (int64_t size = length; size > 0;) {
        const int64_t half = (size + 1) / 2;
        const V y = v_gather(sequence + half - 1, at);
        at += (right ? y <= x : y < x) & (M)((M){0} + (I)half);
        size -= half;
    }
    return at;
}

TK_INLINE void TK_FN(search_units)(const tk_search_work *w, int64_t lo, int64_t hi, const int right)
{
    const int vectors = sizeof(T) >= 4 && w->length <= INT32_MAX;
    for (int64_t n; lo < hi; lo += n) {
        const T *sequence = (const T *)w->sequence + lo / w->columns * w->length;
        const T *in = (const T *)w->in + lo;
        n = w->columns - lo % w->columns; /* left in this sequence */
        n = n < hi - lo ? n : hi - lo;
        n = n < W ? n : W;
        const V x = n < W ? v_load_part(in, (int)n) : v_load(in);
        if (vectors && !v_any(v_isnan(x))) {
            const M at = TK_FN(search_vector)(sequence, w->length, x, right);
            for (int i = 0; i < n; i++)
                w->out[lo + i] = at[i];
        } else {
            for (int i = 0; i < n; i++)
                w->out[lo + i] = TK_FN(search_one)(sequence, w->length, in[i], right);
        }
    }
}

static void TK_FN(searchsorted)(const void *work, int64_t lo, int64_t hi)
{
    const tk_search_work *w = work;
    if (w->right)
        TK_FN(search_units)(w, lo, hi, 1);
    else
        TK_FN(search_units)(w, lo, hi, 0);
}
#undef KEY
#undef UKEY
#undef KEYS
#undef LANES
#undef PAIR
#undef AS_UKEY
#undef LARGEST_KEY
#undef DIGIT
#undef BLOCK
#undef SAMPLE
#undef SHORT_SEQUENCE
