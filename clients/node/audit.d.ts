/**
 * Who reads, for the lines of the audit.
 * @typedef {object} Reader
 * @property {string} [user] the person on whose behalf it is, as the application knows them
 * @property {string} [purpose] why, in the application's own words
 * @property {string} [address] from where
 * @property {string} [application]
 * @property {string} [traceId]
 */
/**
 * Writes lines to the end of a file, each before its value is handed out: for `audit`.
 * @param {string} path
 * @returns {(line: string) => void}
 */
export function appendTo(path: string): (line: string) => void;
/**
 * @param {{began: Date, kind: string, students: string[], reader: Reader, rows: number, fromRedis: number, error: any}} read
 * @returns {string}
 */
export function auditLine({ began, kind, students, reader, rows, fromRedis, error }: {
    began: Date;
    kind: string;
    students: string[];
    reader: Reader;
    rows: number;
    fromRedis: number;
    error: any;
}): string;
/**
 * Who reads, for the lines of the audit.
 */
export type Reader = {
    /**
     * the person on whose behalf it is, as the application knows them
     */
    user?: string | undefined;
    /**
     * why, in the application's own words
     */
    purpose?: string | undefined;
    /**
     * from where
     */
    address?: string | undefined;
    application?: string | undefined;
    traceId?: string | undefined;
};
